/**
 * Builds the image of luma-proxy from local files: compiles the program, and without `--base` imports a root filesystem
 * of the few libraries that it needs. Usage: bun scripts/build-proxy-image.ts [--tag luma-proxy] [--base IMAGE]
 */
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dir, '..');
const OWN_BASE = 'luma-proxy-base';

const { values } = parseArgs({
  options: { tag: { type: 'string', default: 'luma-proxy' }, base: { type: 'string' } },
});

const folder = mkdtempSync(join(tmpdir(), 'luma-image-'));
try {
  const program = join(folder, 'context', 'luma-proxy');
  mkdirSync(dirname(program));
  run([process.execPath, 'build', '--compile', join(root, 'src/bin/luma-proxy.ts'), '--outfile', program]);
  const base = values.base ?? importBase(program);
  const dockerfile = ['--file', join(root, 'Dockerfile'), '--build-arg', `BASE=${base}`];
  run(['docker', 'build', ...dockerfile, '--tag', values.tag, join(folder, 'context')]);
  console.log(`${values.tag} is built on ${base}`);
} finally {
  rmSync(folder, { recursive: true });
}

/** What the program is linked with, names for root and nobody, and a /tmp. */
function importBase(program: string): string {
  const files = join(folder, 'base');
  for (const library of librariesOf(program)) {
    mkdirSync(join(files, dirname(library)), { recursive: true });
    copyFileSync(library, join(files, library));
    chmodSync(join(files, library), 0o755);
  }
  for (const name of ['etc/luma-proxy', 'run', 'tmp', 'root'])
    mkdirSync(join(files, name), { recursive: true });
  chmodSync(join(files, 'tmp'), 0o1777);
  writeFileSync(join(files, 'etc/passwd'), 'root:x:0:0::/root:\nnobody:x:65534:65534::/tmp:\n');
  writeFileSync(join(files, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  // Names are asked of files and DNS by libc itself: glibc since 2.34 needs no module for that.
  writeFileSync(join(files, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  cpSync(join(root, 'LICENSE'), join(files, 'LICENSE'));
  const archive = join(folder, 'base.tar');
  run(['tar', '--create', '--file', archive, '--owner=0', '--group=0', '--directory', files, '.']);
  run(['docker', 'import', archive, OWN_BASE]);
  return OWN_BASE;
}

/** By the names under which the program looks for them: `/lib64/ld-linux-x86-64.so.2`, `/lib/…/libc.so.6`. */
function librariesOf(program: string): string[] {
  const said = run(['ldd', program]);
  return [...said.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

function run(command: readonly string[]): string {
  const child = Bun.spawnSync([...command], { stdout: 'pipe', stderr: 'inherit', env: { ...process.env } });
  if (child.exitCode === 0) return child.stdout.toString();
  console.error(child.stdout.toString());
  console.error(`error: ${command.slice(0, 2).join(' ')} ended with ${child.exitCode}`);
  process.exit(1);
}
