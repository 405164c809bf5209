/** The entry scripts in a folder of their own with a scripted npm: installing, racing, failing, and doing nothing. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const repository = resolve(import.meta.dir, '../..');
const node = Bun.which('node') ?? 'node';

/** Stands in for npm: writes down that it was called and leaves a Bun that only says how it was started. */
const fakeNpm = `#!/bin/sh
echo "$*" >>calls
[ ! -e npm-fails ] || { echo 'npm error: no network' >&2; exit 9; }
sleep 0.2
rm -rf node_modules
mkdir -p node_modules/bun/bin node_modules/@oven/bun-some-platform/bin
cat >node_modules/@oven/bun-some-platform/bin/bun <<'EOF'
#!/bin/sh
[ "$1" = --version ] || { for last; do printf '[%s]' "$last"; done; printf ' in %s\\n' "$(pwd)"; }
EOF
chmod +x node_modules/@oven/bun-some-platform/bin/bun
echo 'process.exit(1)' >node_modules/bun/install.js
echo 'not a program' >node_modules/bun/bin/bun.exe
`;

let folder: string;
let root: string;
let tools: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-entry-'));
  root = join(folder, 'a checkout');
  tools = join(folder, 'tools');
  mkdirSync(join(root, 'scripts'), { recursive: true });
  mkdirSync(tools);
  for (const path of ['luma', 'luma-proxy', 'scripts/setup.sh', 'scripts/install.mjs']) {
    cpSync(join(repository, path), join(root, path));
  }
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{}}');
  writeFileSync(join(tools, 'npm'), fakeNpm);
  chmodSync(join(tools, 'npm'), 0o755);
  symlinkSync(node, join(tools, 'node'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  script: string,
  args: readonly string[] = [],
  path = `${tools}:/usr/bin:/bin`,
): Promise<Ran> {
  const child = Bun.spawn([script, ...args], {
    cwd: folder,
    env: { PATH: path },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

function npmCalls(): string[] {
  const path = join(root, 'calls');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

describe('an entry script', () => {
  test('installs once, says so on stderr only, and hands every argument on untouched', async () => {
    const first = await run(join(root, 'luma'), ['projects', 'add', 'two words', '']);
    expect(first.stderr).toBe('luma: installing npm packages; this happens once\n');
    expect(first.stdout).toEndWith(`[${root}/src/bin/luma.ts][projects][add][two words][] in ${folder}\n`);
    const second = await run(join(root, 'luma'));
    expect(second.stderr).toBe('');
    expect(npmCalls()).toHaveLength(1);
  });

  test('keeps the environment files of the caller out', async () => {
    const { stdout } = await run(join(root, 'luma'));
    expect(stdout).toStartWith(`[--no-env-file][--no-install][--config=${root}/bunfig.toml]`);
  });

  test('never lets npm run the packages’ own scripts', async () => {
    await run(join(root, 'luma'));
    expect(npmCalls()[0]).toMatch(/^ci .*--ignore-scripts/);
  });

  test('needs neither node nor npm once all is there', async () => {
    await run(join(root, 'luma'));
    const bare = join(folder, 'bare');
    mkdirSync(bare);
    for (const name of ['sh', 'cmp', 'readlink']) symlinkSync(Bun.which(name) ?? name, join(bare, name));
    expect(await run(join(root, 'luma'), [], bare)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('installs again when package-lock.json changed', async () => {
    await run(join(root, 'luma'));
    writeFileSync(join(root, 'package-lock.json'), '{"packages":{"":{}}, "changed": true}');
    await run(join(root, 'luma'));
    expect(npmCalls().length).toBeGreaterThan(1);
  });

  test('leaves what somebody installed already in place, and asks npm for nothing', async () => {
    await run(join(root, 'luma'));
    rmSync(join(root, 'node_modules/.luma-installed'));
    const lock = {
      packages: { '': {}, 'node_modules/bun': { version: '1.0.0' }, 'node_modules/x': { optional: true } },
    };
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
    writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify(lock));
    expect((await run(join(root, 'luma'))).stderr).toBe('');
    expect(npmCalls()).toHaveLength(1);
    lock.packages['node_modules/bun'].version = '2.0.0';
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
    await run(join(root, 'luma'));
    expect(npmCalls()).toHaveLength(2);
  });

  test('works through symlinks, relative and absolute', async () => {
    symlinkSync(join(root, 'luma-proxy'), join(folder, 'absolute'));
    mkdirSync(join(folder, 'bin'));
    symlinkSync('../absolute', join(folder, 'bin', 'relative'));
    const { stdout } = await run(join(folder, 'bin', 'relative'), ['status']);
    expect(stdout).toContain(`[${root}/src/bin/luma-proxy.ts][status]`);
  });

  test('lets five at once install only once', async () => {
    const ran = await Promise.all(Array.from({ length: 5 }, () => run(join(root, 'luma'))));
    expect(ran.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0]);
    expect(npmCalls()).toHaveLength(1);
  });

  test('takes over from an installation that was killed', async () => {
    const gone = Bun.spawnSync(['true']).pid;
    writeFileSync(join(root, '.luma-install.lock'), String(gone));
    expect((await run(join(root, 'luma'))).exitCode).toBe(0);
    expect(existsSync(join(root, '.luma-install.lock'))).toBe(false);
  });

  test('says what to do when npm fails, and tries again the next time', async () => {
    writeFileSync(join(root, 'npm-fails'), '');
    const failed = await run(join(root, 'luma'));
    expect(failed).toMatchObject({ exitCode: 1, stdout: '' });
    expect(failed.stderr).toContain('no network');
    expect(failed.stderr).toContain('hint:');
    rmSync(join(root, 'npm-fails'));
    expect((await run(join(root, 'luma'))).exitCode).toBe(0);
  });

  test('says that Node or npm is missing', async () => {
    const bare = join(folder, 'bare');
    mkdirSync(bare);
    for (const name of ['sh', 'cmp', 'readlink']) symlinkSync(Bun.which(name) ?? name, join(bare, name));
    expect((await run(join(root, 'luma'), [], bare)).stderr).toContain(
      'error: Node.js is not installed\nhint: ',
    );
    symlinkSync(node, join(bare, 'node'));
    expect((await run(join(root, 'luma'), [], bare)).stderr).toContain('error: npm is not installed\nhint: ');
  });
});
