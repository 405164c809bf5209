/** Which run of the machine this is: addresses and processes of an earlier one mean nothing. */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

const BOOT_ID_PATH = '/proc/sys/kernel/random/boot_id';

export function bootId(): string {
  if (process.platform === 'linux') return readFileSync(BOOT_ID_PATH, 'utf8').trim();
  // To ten seconds: the two clocks this is made of are not read in one moment.
  return `booted-${Math.round((Date.now() / 1000 - uptime()) / 10)}`;
}
