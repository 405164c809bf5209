/** One setting from its flag or its environment variable; the flag wins, and a bad value is wrong use that names both. */
import { isIP } from 'node:net';
import { parseDuration } from '../../base/duration.ts';
import { parseIpRange } from '../../base/ip-range.ts';
import type { CommandInput } from '../command-input.ts';
import { wrongUse } from '../command-input.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export class SettingsInput {
  readonly #input: CommandInput;
  readonly #env: Environment;

  constructor(input: CommandInput, env: Environment) {
    this.#input = input;
    this.#env = env;
  }

  text(name: string): string | undefined {
    const flag = this.#input.text(name);
    const value = flag ?? this.#env[variableOf(name)] ?? undefined;
    if (flag === '') throw this.#wrong(name, flag, 'must not be empty');
    return value === '' ? undefined : value;
  }

  list(name: string): readonly string[] {
    const flags = this.#input.list(name);
    if (flags.length > 0) return flags;
    const value = this.#env[variableOf(name)];
    return value ? value.split(',').map((part) => part.trim()) : [];
  }

  isOn(name: string): boolean {
    if (this.#input.isOn(name)) return true;
    const value = this.#env[variableOf(name)];
    if (!value || value === '0' || value === 'false') return false;
    if (value === '1' || value === 'true') return true;
    throw this.#wrong(name, value, 'must be true or false');
  }

  /** `otherwise`: what else may be said, for who says something wrong. */
  integer(name: string, min: number, max: number, otherwise = ''): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw this.#wrong(name, value, `must be a whole number from ${min} to ${max}${otherwise}`);
  }

  durationMs(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const milliseconds = parseDuration(value);
    if (milliseconds !== null) return milliseconds;
    throw this.#wrong(name, value, 'must be a duration such as 30s or 1m30s');
  }

  /** IP addresses; `localhost` stands for both loopback addresses. */
  addresses(name: string): readonly string[] {
    return this.list(name).flatMap((value) => {
      if (value === 'localhost') return ['127.0.0.1', '::1'];
      if (isIP(value) !== 0 && !value.includes('%')) return [value];
      throw this.#wrong(name, value, 'must be an IP address such as 127.0.0.1 or ::, or localhost');
    });
  }

  /** Addresses and ranges, separated by commas or said several times. */
  ipRanges(name: string): readonly string[] {
    const said = this.list(name).flatMap((value) => value.split(',').map((part) => part.trim()));
    for (const value of said) {
      if (parseIpRange(value) !== null) continue;
      throw this.#wrong(name, value, 'must be IP addresses or ranges such as 10.0.0.0/8,fd00::/8');
    }
    return said;
  }

  #wrong(name: string, value: string, rule: string): Error {
    return wrongUse(`--${name} (or ${variableOf(name)}) ${rule}, not ${JSON.stringify(value)}`);
  }
}

export function variableOf(name: string): string {
  return `LUMA_PROXY_${name.replaceAll('-', '_').toUpperCase()}`;
}
