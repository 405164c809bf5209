/** What is said of a settings file that cannot be used. */
import { LumaError } from '../../base/errors.ts';

export function invalidConfigFile(path: string, problem: string, cause?: unknown): LumaError {
  return new LumaError('config_invalid', `${path} ${problem}`, {
    cause,
    hint: 'see the README for its form',
  });
}
