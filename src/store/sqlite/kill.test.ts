import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../base/manual-clock.ts';
import { createSqliteStore } from '../index.ts';
import { projectsAfter, writeJournal, writeProject } from './kill-script.ts';

const KILLS = 30;
const writer = join(import.meta.dir, 'kill-writer.ts');

/** Kills the writer after so many acknowledged steps and a little more; returns what it acknowledged. */
async function writeAndKill(
  path: string,
  firstStep: number,
  steps: number,
  moreMs: number,
): Promise<number[]> {
  const child = Bun.spawn([process.execPath, writer, path, String(firstStep)], { stdout: 'pipe' });
  const decoder = new TextDecoder();
  let text = '';
  let isDue = false;
  const killSoon = () => {
    isDue = true;
    setTimeout(() => child.kill('SIGKILL'), moreMs);
  };
  // Zero steps: somewhere while it starts, opens and recovers.
  if (steps === 0) killSoon();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (!isDue && text.split('\n').length > steps) killSoon();
  }
  await child.exited;
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map(Number);
}

test(`every acknowledged write is there after each of ${KILLS} kills at random moments`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'luma-kill-'));
  const path = join(folder, 'luma.db');
  let done = 0;
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const steps = kill % 5 === 0 ? 0 : Math.ceil(Math.random() * 40);
      const moreMs = Math.random() * (steps === 0 ? 60 : 5);
      const acknowledged = await writeAndKill(path, done, steps, moreMs);
      expect(acknowledged).toEqual(acknowledged.map((_, i) => done + i));
      done = await checkAndFinish(path, done + acknowledged.length);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(done).toBeGreaterThan(KILLS);
}, 60_000);

/** The step in flight may have done any first part of its three writes, each whole. Brings it to its end. */
async function checkAndFinish(path: string, done: number): Promise<number> {
  const store = await createSqliteStore({ path, clock: new ManualClock() });
  const found = new Map((await store.listProjects()).map((project) => [project.settings.name, project]));
  const instanceStep = (await store.listInstances())[0]?.revision ?? -1;
  const journalStep = Number((await store.listEvents('journal', { limit: 1 }))[0]?.message ?? -1);
  const isProjectDone = Bun.deepEquals(found, projectsAfter(done + 1));
  if (!isProjectDone) expect(found).toEqual(projectsAfter(done));
  expect([done - 1, done]).toContain(instanceStep);
  expect([done - 1, done]).toContain(journalStep);
  // Each of the three was acknowledged before the next began.
  if (journalStep === done) expect(instanceStep).toBe(done);
  if (instanceStep === done) expect(isProjectDone).toBe(true);
  if (!isProjectDone) await writeProject(store, done);
  await writeJournal(store, done);
  await store.close();
  return done + 1;
}
