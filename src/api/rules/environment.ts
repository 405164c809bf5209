/** Environment variables a project may set: what a shell can name, and nothing that Luma sets itself. */
import { ENV_VAR_BYTES_MAX } from '../limits.ts';
import { hasAtMostBytes, hasNoNul, problem, type RuleProblem } from './rule.ts';

export const ENV_NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_]*$';

const pattern = new RegExp(ENV_NAME_PATTERN);
const reservedPattern = /^(?:PORT$|K_|LUMA_)/;
const ENV_NAME_CHARACTERS_MAX = 255;

export function checkEnvName(name: string): RuleProblem | null {
  if (name.length > ENV_NAME_CHARACTERS_MAX) {
    return problem('too_long', `its name must be at most ${ENV_NAME_CHARACTERS_MAX} characters long`);
  }
  if (!pattern.test(name)) {
    return problem(
      'not_a_variable',
      'its name must be letters, digits and underscores, and not begin with a digit',
    );
  }
  if (reservedPattern.test(name)) {
    return problem('reserved', 'is set by Luma itself: PORT, K_* and LUMA_* cannot be given');
  }
  return null;
}

export const envValueRules = [hasNoNul, hasAtMostBytes(ENV_VAR_BYTES_MAX)] as const;
