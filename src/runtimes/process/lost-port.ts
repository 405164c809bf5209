/** Tells from an app's last words that it ended because somebody else listens on its port. */
import type { LogLine } from '../contract.ts';

/** Node and Bun; Go, nginx, Python and most of C; Java; .NET and others. */
const complaint = /EADDRINUSE|address (is )?already in use|port \S+ (is |was )?(already )?(in use|taken)/i;

export function hasLostPort(lastLines: readonly LogLine[]): boolean {
  return lastLines.some((line) => complaint.test(line.text));
}
