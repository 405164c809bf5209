import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogFields, silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { EngineAddress } from './engine-address.ts';
import { limits } from './limits.ts';
import { LostProcesses } from './lost-processes.ts';

const lostId = 'a'.repeat(64);
const otherId = 'b'.repeat(64);
let procFolder: string;
let clock: ManualClock;
let killed: number[];
let warnings: { readonly message: string; readonly fields: LogFields | undefined }[];

beforeEach(() => {
  procFolder = mkdtempSync(join(tmpdir(), 'luma-proc-'));
  clock = new ManualClock();
  killed = [];
  warnings = [];
});
afterEach(() => rmSync(procFolder, { recursive: true, force: true }));

function runs(pid: number, cgroup: string): void {
  mkdirSync(join(procFolder, String(pid)));
  writeFileSync(join(procFolder, String(pid), 'cgroup'), cgroup);
}

function lostProcesses(
  onKill: (pid: number) => void = (pid) => rmSync(join(procFolder, String(pid)), { recursive: true }),
  address: EngineAddress = { kind: 'socket', path: '/var/run/docker.sock' },
): LostProcesses {
  const log = {
    ...silentLog,
    warn: (message: string, fields?: LogFields) => warnings.push({ message, fields }),
  };
  const kill = (pid: number): void => {
    killed.push(pid);
    onKill(pid);
  };
  return new LostProcesses({ address, clock, log: log as typeof silentLog, machine: { procFolder, kill } });
}

async function ending(lost: LostProcesses): Promise<void> {
  let isOver = false;
  const over = lost.end(lostId).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await Bun.sleep(0);
    // Only while it waits: reading files takes no time on this clock.
    if (clock.armedCount > 0) await clock.advance(limits.lostLookMs);
  }
  await over;
}

describe('what a container left running', () => {
  test('is ended, whichever way the engine names its control group', async () => {
    runs(11, `12:pids:/docker/${lostId}\n11:cpu:/docker/${lostId}\n`);
    runs(12, `0::/system.slice/docker-${lostId}.scope\n`);
    await ending(lostProcesses());
    expect(killed.sort()).toEqual([11, 12]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.fields).toMatchObject({ container: lostId });
  });

  test('is looked for again until nothing is left, because it may fork meanwhile', async () => {
    runs(11, `0::/docker/${lostId}\n`);
    const lost = lostProcesses((pid) => {
      rmSync(join(procFolder, String(pid)), { recursive: true });
      if (pid === 11) runs(12, `0::/docker/${lostId}\n`);
    });
    await ending(lost);
    expect(killed).toEqual([11, 12]);
  });

  test('is named where it is not ours to end', async () => {
    runs(11, `0::/docker/${lostId}\n`);
    const lost = lostProcesses(() => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
    });
    await ending(lost);
    expect(warnings[0]?.message).toContain('by hand');
    expect(warnings[0]?.fields).toMatchObject({ pids: [11] });
  });

  test('is given up when it does not go', async () => {
    runs(11, `0::/docker/${lostId}\n`);
    await ending(lostProcesses(() => undefined));
    expect(warnings[0]?.message).toContain('by hand');
  });
});

describe('nothing is ended', () => {
  test('of other containers, nor of what is in none', async () => {
    runs(11, `0::/docker/${otherId}\n`);
    runs(12, '0::/user.slice\n');
    await ending(lostProcesses());
    expect(killed).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test('of an engine on another machine', async () => {
    runs(11, `0::/docker/${lostId}\n`);
    await ending(lostProcesses(undefined, { kind: 'tcp', host: 'builder', port: 2376, tls: null }));
    expect(killed).toEqual([]);
  });
});
