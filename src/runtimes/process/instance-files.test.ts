import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSecretKey } from '../../base/sealed-text.ts';
import { NO_PROBES } from '../../domain/probe.ts';
import type { InstanceSpec } from '../contract.ts';
import { InstanceFiles, type Run } from './instance-files.ts';
import { testKey } from './test-apps.ts';

const folder = join(mkdtempSync(join(tmpdir(), 'luma-files-')), 'i-1');
const files = new InstanceFiles(folder, testKey);
afterAll(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const spec: InstanceSpec = {
  instanceId: 'i-1',
  project: 'shop',
  revision: 1,
  settings: {
    image: null,
    command: ['run'],
    entrypoint: null,
    workingDir: null,
    envVars: { TOKEN: 'a secret' },
    containerPort: null,
    healthCheck: null,
    probes: NO_PROBES,
    stopTimeoutMs: 10_000,
  },
};
const long: Run = {
  port: 65_535,
  startedAt: Number.MAX_SAFE_INTEGER,
  process: {
    pid: 2 ** 31,
    startTicks: Number.MAX_SAFE_INTEGER,
    bootId: 'f042f44a-8f9d-4a26-8035-7d36082212a7',
  },
  isFrozen: false,
  outOfMemoryKills: Number.MAX_SAFE_INTEGER,
  exit: { code: null, signal: 'SIGVTALRM', outOfMemory: false, at: Number.MAX_SAFE_INTEGER },
  lostPort: false,
};
const short: Run = { ...long, port: 1, startedAt: 1, process: null, outOfMemoryKills: 0, exit: null };

test('what was written is read, and nothing where nothing was written', () => {
  expect(files.readSpec()).toBeNull();
  expect(files.readRun()).toBeNull();
  files.writeSpec(spec);
  files.writeRun(long);
  expect(files.readSpec()).toEqual(spec);
  expect(files.readRun()).toEqual(long);
  files.writeRun(short);
  expect(files.readRun()).toEqual(short);
});

test('even the longest run fits the room that a run always takes', () => {
  files.writeRun(long);
  const { size } = statSync(join(folder, 'run.json'));
  expect(size).toBe(1_024);
  files.writeRun(short);
  expect(statSync(join(folder, 'run.json')).size).toBe(size);
  expect(readFileSync(join(folder, 'run.json'), 'utf8').trimEnd().length).toBeLessThan(size / 2);
});

test('only its owner can read what an instance is given', () => {
  for (const name of ['', 'spec.json', 'run.json']) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
});

test('what it is given cannot be read on disk, nor with another key', () => {
  const text = (): string => readFileSync(join(folder, 'spec.json'), 'utf8');
  expect(text()).toContain('TOKEN');
  expect(text()).not.toContain('a secret');
  expect(new InstanceFiles(folder, newSecretKey()).readSpec()).toBeNull();
  expect(files.readSpec()).toEqual(spec);
});

test('what an earlier Luma left readable is sealed as soon as it is read', () => {
  writeFileSync(join(folder, 'spec.json'), JSON.stringify({ format: 1, spec }));
  expect(files.readSpec()).toEqual(spec);
  expect(readFileSync(join(folder, 'spec.json'), 'utf8')).not.toContain('a secret');
  expect(files.readSpec()).toEqual(spec);
});

test('what is torn is nothing, what a newer Luma wrote is left alone', () => {
  writeFileSync(join(folder, 'spec.json'), '{"format":1,"spe');
  expect(files.readSpec()).toBeNull();
  writeFileSync(join(folder, 'spec.json'), '{"format":3}');
  expect(() => files.readSpec()).toThrow(expect.objectContaining({ code: 'runtime_failed' }));
});

test('says what cannot be written', () => {
  const nowhere = new InstanceFiles(join(folder, 'spec.json', 'below-a-file'), testKey);
  expect(() => nowhere.writeSpec(spec)).toThrow(expect.objectContaining({ code: 'runtime_failed' }));
  expect(() => nowhere.writeRun(short)).toThrow(expect.objectContaining({ code: 'runtime_failed' }));
});
