/** The home of the user who runs this program. */
import { homedir } from 'node:os';

/** `/` for a user without one: a number that no account has, and no HOME, as containers are often started. */
export function homeFolder(ask: () => string = homedir): string {
  try {
    return ask();
  } catch {
    return '/';
  }
}
