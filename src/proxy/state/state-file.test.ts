import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { PLAIN_ISSUANCE, PLAIN_OPTIONS } from '../client/plain-options.ts';
import { STATE_SAVE_DELAY_MS } from '../limits.ts';
import { noOptions } from '../services/global-options.ts';
import type { SavedState } from './index.ts';
import { loadState, STATE_VERSION, StateFile, StateLock, stateFilePath } from './index.ts';

let dir: string;
let clock: ManualClock;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'luma-state-'));
  clock = new ManualClock();
});
afterEach(() => rmSync(dir, { recursive: true }));

const state = (owner = 'inst-a'): SavedState => ({
  version: STATE_VERSION,
  bootId: 'boot',
  options: { ...noOptions, drainTimeoutMs: 60_000 },
  services: [
    {
      owner,
      deployment: null,
      gate: 'open',
      readyTargets: ['i1'],
      spec: {
        name: 'hello',
        hosts: ['hello.test', '*.hello.test', ''],
        pathPrefixes: ['/'],
        stripPathPrefix: false,
        traffic: 'forward',
        holdTimeoutMs: 60_000,
        responseTimeoutMs: 0,
        targetConcurrency: 0,
        waitMode: 'hold',
        quietRules: [],
        quietAfterMs: null,
        ...PLAIN_OPTIONS,
        issuance: PLAIN_ISSUANCE,
        targets: [
          { id: 'i1', host: '10.0.0.1', port: 80, readiness: { kind: 'connect', path: null, timeoutMs: 5 } },
        ],
      },
    },
  ],
});

function fileOf(collect: () => SavedState): StateFile {
  return new StateFile({ stateDir: dir, clock, log: silentLog, collect });
}

test('what is saved is loaded, and only its owner may read it', async () => {
  await fileOf(state).save();
  expect(await loadState(dir)).toEqual(state());
  expect(statSync(stateFilePath(dir)).mode & 0o777).toBe(0o600);
});

test('where nothing was saved nothing is loaded', async () => {
  expect(await loadState(dir)).toBeNull();
});

test('changes that follow closely are one write, and nothing is armed afterwards', async () => {
  let collected = 0;
  const file = fileOf(() => {
    collected += 1;
    return state();
  });
  for (let change = 0; change < 100; change++) file.changed();
  await clock.advance(STATE_SAVE_DELAY_MS - 1);
  expect(collected).toBe(0);
  await clock.advance(1);
  expect(collected).toBe(1);
  await file.save();
  expect(clock.armedCount).toBe(0);
});

test('a change during a write is written after it', async () => {
  let owner = 'before';
  const file = fileOf(() => state(owner));
  const first = file.save();
  owner = 'after';
  await Promise.all([first, file.save()]);
  expect((await loadState(dir))?.services[0]?.owner).toBe('after');
});

test('a write that fails leaves the old file, and says which', async () => {
  await fileOf(() => state('old')).save();
  const gone = new StateFile({ stateDir: join(dir, 'gone'), clock, log: silentLog, collect: state });
  await expect(gone.save()).rejects.toMatchObject({ code: 'state_not_saved' });
  expect((await loadState(dir))?.services[0]?.owner).toBe('old');
});

test('what a crash left aside is removed', async () => {
  await fileOf(state).save();
  writeFileSync(join(dir, '.state.json.aside-abcdefgh'), 'half');
  await loadState(dir);
  expect(readdirSync(dir)).toEqual(['state.json']);
});

describe('a file that cannot be read is refused, named and kept', () => {
  const cases: [string, string][] = [
    ['cut off', JSON.stringify(state()).slice(0, 60)],
    ['empty', ''],
    ['no object', '[]'],
    ['of a later version', '{"version":2}'],
    ['without a version', '{"services":[]}'],
    ['with a service that cannot be', JSON.stringify({ ...state(), services: [{ owner: 'x' }] })],
    ['with a key that nobody knows', JSON.stringify({ ...state(), more: 1 })],
  ];
  test.each(cases)('%s', async (_name, text) => {
    writeFileSync(stateFilePath(dir), text);
    await expect(loadState(dir)).rejects.toMatchObject({
      code: 'state_unreadable',
      message: expect.stringContaining(stateFilePath(dir)),
    });
    expect(readFileSync(stateFilePath(dir), 'utf8')).toBe(text);
  });
});

describe('the lock', () => {
  test('is for one at a time, and names who has it', () => {
    const lock = StateLock.take(dir, '/run/p.sock');
    expect(() => StateLock.take(dir, '/run/q.sock')).toThrow(`process id ${process.pid}`);
    lock.release();
    StateLock.take(dir, '/run/q.sock').release();
  });

  test('makes a private directory', () => {
    const path = join(dir, 'a', 'b');
    StateLock.take(path, '/run/p.sock').release();
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test('on a directory that cannot be says so', () => {
    writeFileSync(join(dir, 'file'), '');
    chmodSync(join(dir, 'file'), 0o600);
    expect(() => StateLock.take(join(dir, 'file'), '/run/p.sock')).toThrow('cannot use the state directory');
  });
});

test('services saved before there were wait modes are held for, and know no quiet rules', async () => {
  const old = state();
  const { waitMode: _mode, quietRules: _rules, quietAfterMs: _after, ...spec } = old.services[0]!.spec;
  writeFileSync(stateFilePath(dir), JSON.stringify({ ...old, services: [{ ...old.services[0], spec }] }));
  expect((await loadState(dir))?.services[0]?.spec).toMatchObject({
    waitMode: 'hold',
    quietRules: [],
    quietAfterMs: null,
  });
});

test('a file of version 1 is read as it was meant', async () => {
  const { options: _options, services, ...rest } = state();
  const old = services.map(({ deployment: _deployment, ...service }) => service);
  writeFileSync(stateFilePath(dir), JSON.stringify({ ...rest, version: 1, services: old }));
  expect(await loadState(dir)).toEqual({
    ...state(),
    options: noOptions,
  });
});

test('a file of version 2 is read as it was meant: nobody had said anything of options', async () => {
  const { services, options, ...rest } = state();
  const { letsEncryptEmail: _email, ...oldOptions } = options;
  const { issuance: _issuance, ...spec } = services[0]!.spec;
  const without = Object.keys(PLAIN_OPTIONS);
  const oldSpec = Object.fromEntries(Object.entries(spec).filter(([name]) => !without.includes(name)));
  const old = { ...rest, version: 2, options: oldOptions, services: [{ ...services[0], spec: oldSpec }] };
  writeFileSync(stateFilePath(dir), JSON.stringify(old));
  expect(await loadState(dir)).toEqual({ ...state(), options: { ...options, letsEncryptEmail: null } });
});

test('whoever asks during a write shares the next one, which has what was new by then', async () => {
  let owner = 'first';
  const collected: string[] = [];
  const file = fileOf(() => {
    collected.push(owner);
    return state(owner);
  });
  const first = file.save();
  await Promise.resolve();
  await Promise.resolve();
  expect(collected).toEqual(['first']);
  owner = 'second';
  await Promise.all([first, file.save(), file.save(), file.save()]);
  expect(collected).toEqual(['first', 'second']);
  expect(await loadState(dir)).toEqual(state('second'));
});
