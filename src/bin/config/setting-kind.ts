/** What a setting may be: a zod schema that takes a flag's text and a file's value alike, and the same in words. */
import { basename, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { formatDuration, parseDuration } from '../../base/duration.ts';
import { normalizeHost } from '../../base/host-name.ts';
import { isLoopbackAddress, parseIpAddress, parseIpRange } from '../../base/ip-range.ts';

/** Where a value was written: paths are relative to it. */
export interface SettingPlace {
  readonly directory: string;
  readonly home: string;
}

export interface SettingKind<T> {
  /** Stands for the value in help: `--http-port <port>`; empty for a switch. */
  readonly placeholder: string;
  /** Completes `it must be …`. */
  readonly allowed: string;
  readonly schema: (place: SettingPlace) => z.ZodType<T>;
  /** As it is written; for tables and help. */
  readonly format: (value: T) => string;
}

export function portNumber(): SettingKind<number> {
  return wholeNumber('port', 1, 65_535);
}

export function wholeNumber(placeholder: string, min: number, max: number): SettingKind<number> {
  const written = z
    .string()
    .regex(/^[0-9]{1,9}$/)
    .transform(Number);
  return {
    placeholder,
    allowed: `a whole number from ${min} to ${max}`,
    schema: () => z.union([z.number(), written]).pipe(z.int().min(min).max(max)),
    format: String,
  };
}

/** An address of this machine. Names are left out: which address one means may change between two starts. */
export function hostToListenOn(): SettingKind<string> {
  return {
    placeholder: 'host',
    allowed: 'an IP address such as 127.0.0.1, 0.0.0.0 or ::1, or localhost',
    schema: () => z.string().transform(bareHost).pipe(z.string().refine(isAddressOrLocalhost)),
    format: String,
  };
}

export function loopbackHost(): SettingKind<string> {
  const isLoopback = (host: string): boolean => host === 'localhost' || isLoopbackAddress(host);
  return {
    placeholder: 'host',
    allowed:
      'a loopback address (127.0.0.1, ::1 or localhost): there are no tokens yet that could protect more',
    schema: () => z.string().transform(bareHost).pipe(z.string().refine(isLoopback)),
    format: String,
  };
}

export function path(placeholder: string): SettingKind<string> {
  return {
    placeholder,
    allowed: 'a path',
    schema: (place) =>
      z
        .string()
        .min(1)
        .refine(hasNoNul)
        .transform((text) => absolutePath(text, place)),
    format: String,
  };
}

/** Of a program that writes it out of sight: `-`, which stands for stdout elsewhere, would be a file of that name. */
export function logFile(): SettingKind<string> {
  const file = path('file');
  return {
    ...file,
    allowed: 'the path of a file; for - run luma-proxy by itself',
    schema: (place) => file.schema(place).refine((text) => basename(text) !== '-'),
  };
}

/** As the CA wants it; whether somebody reads it nobody knows. */
export function email(): SettingKind<string> {
  return {
    placeholder: 'email',
    allowed: 'an e-mail address such as ops@example.com',
    schema: () => z.string().regex(/^[^\s@,?]+@[^\s@,?]+\.[^\s@,?]+$/),
    format: String,
  };
}

export function httpsUrl(): SettingKind<string> {
  return {
    placeholder: 'url',
    allowed: 'an address that begins with https://',
    schema: () => z.url({ protocol: /^https?$/ }),
    format: String,
  };
}

export function duration(minMs: number, maxMs: number): SettingKind<number> {
  return {
    placeholder: 'duration',
    allowed: `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as 500ms, 30s or 1m30s`,
    schema: () => z.string().transform(parseDuration).pipe(z.number().min(minMs).max(maxMs)),
    format: formatDuration,
  };
}

/** As one text, so that flags, variables and the file say it alike. */
export function ipRanges(): SettingKind<readonly string[]> {
  const split = (text: string): string[] => text.split(',').map((part) => part.trim());
  const isRange = (text: string): boolean => parseIpRange(text) !== null;
  return {
    placeholder: 'range,…',
    allowed: 'IP addresses or ranges, separated by commas, such as 10.0.0.0/8,fd00::/8',
    schema: () =>
      z
        .string()
        .transform(split)
        .pipe(z.array(z.string().refine(isRange))),
    format: (ranges) => ranges.join(','),
  };
}

export function oneOf<const T extends readonly [string, ...string[]]>(choices: T): SettingKind<T[number]> {
  return {
    placeholder: choices.join('|'),
    allowed: `one of ${choices.join(', ')}`,
    schema: () => z.enum(choices),
    format: String,
  };
}

export function onOrOff(): SettingKind<boolean> {
  const words: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };
  return {
    placeholder: '',
    allowed: 'true or false',
    schema: () =>
      z.union([
        z.boolean(),
        z
          .string()
          .transform((text) => words[text])
          .pipe(z.boolean()),
      ]),
    format: String,
  };
}

/** A setting that may stay unset. */
export function optional<T>(kind: SettingKind<T>): SettingKind<T | null> {
  return {
    ...kind,
    schema: (place) => kind.schema(place).nullable(),
    format: (value) => (value === null ? '' : kind.format(value)),
  };
}

/** Brackets around an IPv6 address are for URLs; a socket wants it bare. */
function bareHost(text: string): string | null {
  return normalizeHost(text);
}

function isAddressOrLocalhost(host: string): boolean {
  return host === 'localhost' || parseIpAddress(host) !== null;
}

function hasNoNul(text: string): boolean {
  return !text.includes('\0');
}

/** `~/` is spelled out here because no shell sees what a file says. */
function absolutePath(text: string, { directory, home }: SettingPlace): string {
  if (text === '~') return home;
  if (text.startsWith('~/')) return join(home, text.slice(2));
  return isAbsolute(text) ? resolve(text) : resolve(directory, text);
}
