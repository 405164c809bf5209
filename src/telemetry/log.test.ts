import { describe, expect, test } from 'bun:test';
import { LumaError } from '../base/errors.ts';
import { createLog, type LogOptions } from './log.ts';

function logInto(options: LogOptions = {}): { log: ReturnType<typeof createLog>; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ ...options, write: (line) => lines.push(line) }), lines };
}

describe('the JSON log', () => {
  test('writes one object a line with time, level, message and fields', () => {
    const { log, lines } = logInto({ format: 'json', fields: { process: 'daemon' } });
    log.info('service published', { service: 'a', hosts: ['a.localhost'] });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    const { time, ...rest } = JSON.parse(lines[0] ?? '');
    expect(Number.isNaN(Date.parse(time))).toBe(false);
    expect(rest).toEqual({
      level: 'info',
      process: 'daemon',
      service: 'a',
      hosts: ['a.localhost'],
      message: 'service published',
    });
  });

  test('keeps code, hint and cause of an error', () => {
    const { log, lines } = logInto({ format: 'json' });
    const cause = new Error('ECONNREFUSED');
    log.error('start failed', {
      error: new LumaError('runtime_unavailable', 'no engine', { hint: 'h', cause }),
    });
    const { error } = JSON.parse(lines[0] ?? '');
    expect(error).toMatchObject({ code: 'runtime_unavailable', message: 'no engine', hint: 'h' });
    expect(error.cause.message).toBe('ECONNREFUSED');
  });
});

describe('the level', () => {
  test('hides debug lines unless asked', () => {
    const quiet = logInto();
    quiet.log.debug('detail');
    expect(quiet.lines).toEqual([]);
    const loud = logInto({ level: 'debug' });
    loud.log.debug('detail');
    expect(loud.lines).toHaveLength(1);
  });

  test('hides everything below it', () => {
    const { log, lines } = logInto({ level: 'warn' });
    log.info('a');
    log.warn('b');
    log.error('c');
    expect(lines).toHaveLength(2);
  });
});

describe('the readable log', () => {
  const clock = /^\d\d:\d\d:\d\d\.\d\d\d /;
  const said = (line: string | undefined): string => (line ?? '').replace(clock, '');

  test('is a time, a level, the message and the fields', () => {
    const { log, lines } = logInto();
    log.warn('pull is slow', { project: 'my app', done_mb: 43, image: 'nginx:1.27' });
    expect(lines[0]).toMatch(clock);
    expect(said(lines[0])).toBe('warn  pull is slow  project="my app"  done_mb=43  image=nginx:1.27\n');
  });

  test('shows an expected error as its message and code, with what caused it', () => {
    const { log, lines } = logInto();
    const error = new LumaError('wake_failed', 'it exited', { cause: new LumaError('x', 'exit code 3') });
    log.error('cannot start', { error });
    expect(said(lines[0])).toBe('error cannot start: it exited (wake_failed): exit code 3 (x)\n');
  });

  test('shows where a bug happened', () => {
    const { log, lines } = logInto();
    log.error('unexpected', { error: new TypeError('x is undefined') });
    expect(said(lines[0])).toMatch(/^error unexpected: x is undefined\n {6}at .*log\.test\.ts/);
  });

  test('lets no control character of anybody through', () => {
    const { log, lines } = logInto();
    log.info('\u001b[2Jgone\nfake line', { said: 'a\r\nb\u009b', key: '\u009b' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be absent
    expect(lines[0]?.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  });
});
