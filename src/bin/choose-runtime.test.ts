import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { newSecretKey } from '../base/sealed-text.ts';
import type { Project } from '../domain/project.ts';
import { type ChosenRuntime, chooseRuntime } from './choose-runtime.ts';
import type { LumaConfig } from './config/settings.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'luma-choose-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** On a machine whose engine does not answer. */
async function choose(runtime: LumaConfig['runtime'], images: readonly (string | null)[]) {
  const projects = images.map((image) => ({ settings: { image } }) as Project);
  const env = { DOCKER_HOST: `unix://${join(dataDir, 'no.sock')}` };
  const parts = { installationId: 'i', instanceKey: newSecretKey(), projects, env };
  const surroundings = { ...parts, clock: systemClock, log: silentLog };
  const chosen: ChosenRuntime = await chooseRuntime({ runtime, dataDir } as LumaConfig, surroundings);
  await chosen.runtime.close();
  return chosen;
}

describe('without an engine that answers', () => {
  test('auto takes local processes, and says why', async () => {
    const { runtime, reason } = await choose('auto', [null]);
    expect(runtime.kind).toBe('process');
    expect(reason).toContain('no such socket');
  });

  test('auto waits for Docker where a project has an image: nothing else can run it', async () => {
    const { runtime, reason } = await choose('auto', [null, 'nginx:1.27']);
    expect(runtime.kind).toBe('docker');
    expect(reason).toContain('not answering yet');
  });

  test('docker waits where a project has an image', async () => {
    expect((await choose('docker', ['nginx:1.27'])).runtime.kind).toBe('docker');
  });

  test('docker is refused on a new installation, with what to do', async () => {
    const refused = choose('docker', []);
    expect(refused).rejects.toMatchObject({
      code: 'runtime_unavailable',
      hint: expect.stringContaining('DOCKER_HOST'),
    });
  });
});
