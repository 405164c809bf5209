/** The README as a test: its commands run as they stand, but for the ports, against a Luma of their own. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort, until } from './luma.ts';

const root = resolve(import.meta.dir, '../..');
const minute = 60_000;

export interface ReadmeRun {
  readonly runtime: 'process' | 'docker';
  /** More environment for Luma; what the README takes for granted is made ready here. */
  readonly prepare: () => Promise<Readonly<Record<string, string>>>;
  readonly cleanUp: () => Promise<void>;
}

/** The shell blocks under `<!-- run: name -->`, and the very first two: start, and say hello. */
function blocks(name: string): readonly string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const marked = new RegExp(`<!-- run: ${name} -->\\n\`\`\`sh\\n([^]*?)\`\`\``, 'g');
  return [...readme.matchAll(marked)].map(([, block = '']) => block);
}

export function describeReadme({ runtime, prepare, cleanUp }: ReadmeRun): void {
  describe(`the README with ${runtime}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'luma-readme-'));
    let ports: readonly [number, number];
    let luma: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;
    let env: Record<string, string | undefined>;

    const withPorts = (text: string): string =>
      text.replaceAll('8080', String(ports[0])).replaceAll('8081', String(ports[1]));

    const run = (
      block: string,
    ): { readonly exitCode: number; readonly out: string; readonly err: string } => {
      const done = Bun.spawnSync(['sh', '-eu', '-c', withPorts(block)], { cwd: root, env });
      return { exitCode: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
    };

    beforeAll(async () => {
      ports = [await freePort(), await freePort()];
      const more = await prepare();
      const own = { LUMA_DATA_DIR: join(folder, 'data'), LUMA_RUNTIME: runtime };
      const [http, api] = ports.map(String);
      env = { ...process.env, ...more, ...own, LUMA_HTTP_PORT: http, LUMA_API_PORT: api };
      luma = Bun.spawn([join(root, 'luma'), 'up'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      void (async () => {
        for await (const bytes of luma.stdout) said += new TextDecoder().decode(bytes);
      })();
      await until('luma up', async () => {
        if (luma.exitCode !== null) throw new Error(`luma up ended with ${luma.exitCode}`);
        return said.includes('is ready');
      });
    }, 3 * minute);

    afterAll(async () => {
      luma?.kill('SIGTERM');
      const exitCode = await luma?.exited;
      rmSync(folder, { recursive: true, force: true });
      await cleanUp();
      expect(exitCode).toBe(0);
    }, minute);

    test('hello answers', () => {
      const { exitCode, out } = run('curl -sSf http://hello.localhost:8080');
      expect([exitCode, out.split('\n')[0]]).toEqual([0, 'Hello from Luma!']);
    });

    test.each(blocks(runtime))(
      'the first app: %#',
      (block) => {
        const { exitCode, out, err } = run(block.replaceAll('curl ', 'curl -sS --fail-with-body '));
        expect(exitCode === 0 || `${out}${err}`).toBe(true);
      },
      minute,
    );

    test.each(blocks('all').flatMap((block) => block.trimEnd().split('\n')))(
      '%s',
      (line) => {
        const { exitCode, err } = run(line);
        expect(exitCode === 0 || err).toBe(true);
      },
      minute,
    );

    test('has blocks to run', () => {
      expect([blocks(runtime).length, blocks('all').length]).toEqual([1, 1]);
    });
  });
}
