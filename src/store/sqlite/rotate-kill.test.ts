import { expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../base/manual-clock.ts';
import { createSqliteStore } from '../index.ts';
import { makeProject } from '../store.contract.ts';

const KILLS = 20;
const PROJECTS = 40;
const writer = join(import.meta.dir, 'rotate-writer.ts');

test(`everything opens, with one key, after each of ${KILLS} kills within a change of the key`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'luma-rotate-'));
  const path = join(folder, 'luma.db');
  const open = () => createSqliteStore({ path, clock: new ManualClock() });
  const projects = Array.from({ length: PROJECTS }, (_, at) => makeProject(`p${at + 10}`));
  try {
    const store = await open();
    for (const project of projects) await store.insertProject(project);
    const instanceKey = await store.instanceKey();
    await store.close();
    let keyBefore: string | undefined;
    for (let kill = 0; kill < KILLS; kill++) {
      await rotateAndKill(path, Math.random());
      const again = await open();
      expect(await again.listProjects()).toEqual(projects);
      expect(await again.listRevisions('p10')).toHaveLength(1);
      expect(await again.instanceKey()).toEqual(instanceKey);
      await again.close();
      expect(readdirSync(folder).toSorted()).toEqual(['luma.db', 'luma.key']);
      const sealedWith = new Set(readFileSync(path, 'latin1').match(/sealed1:[0-9a-f]{16}/g));
      expect(sealedWith.size).toBe(1);
      const [key] = sealedWith;
      expect(key).not.toBe(keyBefore);
      keyBefore = key;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

/** Kills it within its second change, at that share of the time that the first has taken: so a slow machine is hit as well. */
async function rotateAndKill(path: string, share: number): Promise<void> {
  const child = Bun.spawn([process.execPath, writer, path], { stdout: 'pipe', stderr: 'pipe' });
  const reader = child.stdout.getReader();
  const begun = async (): Promise<number> => {
    const { done } = await reader.read();
    if (done) throw new Error(await child.stderr.text());
    return performance.now();
  };
  try {
    const firstAtMs = await begun();
    const secondAtMs = await begun();
    await Bun.sleep((secondAtMs - firstAtMs) * share);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
}
