/** The tests' own engine leaves nothing behind, also when the test that owned it was killed. */
import { afterAll, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withEngine } from '../../engine/engine.ts';

const limitMs = 120_000;
const imagesBefore = process.env['IMAGES'];
process.env['IMAGES'] = '0';
afterAll(() => {
  if (imagesBefore === undefined) delete process.env['IMAGES'];
  else process.env['IMAGES'] = imagesBefore;
});

/** What an engine in this folder would leave: its folder, network namespace, link, processes and mounts. */
function traces(folder: string, namespace: string): string[] {
  const link = namespace.replace('/run/netns/luma-t', 'lmt');
  const found = [folder, namespace, `/sys/class/net/${link}o`].filter((path) => existsSync(path));
  const processes = Bun.spawnSync(['pgrep', '-af', folder]).stdout.toString().trim();
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));
  return [...found, ...(processes === '' ? [] : [processes]), ...mounts];
}

test(
  'an engine is removed with all it made, also one whose owner was killed',
  async () => {
    const module = join(import.meta.dir, '../../engine/engine.ts');
    const script = `const { withEngine } = await import(${JSON.stringify(module)});
    const { facts, dockerHost } = await withEngine({ isPrivate: true });
    console.log(JSON.stringify({ dockerHost, namespace: facts['LUMA_ENGINE_NETNS'] }));
    setInterval(() => {}, 1_000);`;
    const owner = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' });
    const reader = owner.stdout.getReader();
    const first = await reader.read();
    const lost = JSON.parse(new TextDecoder().decode(first.value)) as {
      dockerHost: string;
      namespace: string;
    };
    const lostFolder = dirname(lost.dockerHost.replace('unix://', ''));
    owner.kill('SIGKILL');
    await owner.exited;
    expect(traces(lostFolder, lost.namespace).length).toBeGreaterThan(3);

    const engine = await withEngine({ isPrivate: true });
    const folder = dirname(engine.dockerHost.replace('unix://', ''));
    const namespace = engine.facts['LUMA_ENGINE_NETNS'] ?? '';
    try {
      expect(traces(lostFolder, lost.namespace)).toEqual([]);
      expect(traces(folder, namespace).length).toBeGreaterThan(3);
    } finally {
      await engine.stop();
    }
    expect(traces(folder, namespace)).toEqual([]);
  },
  limitMs,
);
