/** Installing what tests need, on a machine whose apt-get is scripted. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Machine, provide } from '../../scripts/prerequisites.ts';

let folder: string;
let machine: Machine;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-apt-'));
  const path = join(folder, 'bin');
  mkdirSync(path);
  for (const tool of ['sh', 'env', 'rm', 'chmod', 'touch'])
    symlinkSync(Bun.which(tool) ?? tool, join(path, tool));
  machine = { path, policyPath: join(folder, 'policy-rc.d') };
  // As root here, or by this sudo.
  script('sudo', '[ "$1" = -n ] && shift; exec "$@"');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function script(name: string, body: string): void {
  const path = join(machine.path, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** Writes its calls down, and whether services were forbidden; installs every command there is to miss. */
function scriptApt(commands: readonly string[], known: readonly string[] = []): void {
  script('apt-cache', `case " ${known.join(' ')} " in *" $2 "*) ;; *) exit 100 ;; esac`);
  const install = commands
    .map((name) => `touch '${machine.path}/${name}'; chmod 755 '${machine.path}/${name}'`)
    .join('\n');
  script(
    'apt-get',
    `echo "$* policy=$([ -x '${machine.policyPath}' ] && echo yes)" >>'${folder}/calls'
case "$*" in *' install '*) :
${install} ;; esac`,
  );
}

const all = ['busybox', 'caddy', 'chromium', 'curl', 'docker', 'docker-registry', 'dockerd', 'haproxy', 'ip'];
all.push(
  'h2load',
  'iptables',
  'mkfs.ext4',
  'nghttp',
  'nginx',
  'nsenter',
  'openssl',
  'pebble',
  'python3',
  'readelf',
);
all.push('systemd-analyze', 'wrk');

test('what is missing is installed after an update, each package once, with no service allowed to start', () => {
  scriptApt(all);
  expect(provide(machine)).toEqual([]);
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n');
  expect(calls).toHaveLength(2);
  expect(calls[0]).toMatch(/update policy=yes$/);
  expect(calls[1]).toMatch(
    /install -y --no-install-recommends busybox-static caddy chromium curl docker\.io docker-registry nghttp2-client haproxy/,
  );
  expect(calls[1]?.match(/docker\.io/g)).toHaveLength(1);
  expect(existsSync(machine.policyPath)).toBe(false);
});

test('where a release has the docker client in a package of its own, that is installed too', () => {
  scriptApt(all, ['docker-cli']);
  expect(provide(machine)).toEqual([]);
  expect(readFileSync(join(folder, 'calls'), 'utf8')).toMatch(/ curl docker-cli docker-registry docker\.io /);
});

test('somebody’s own policy stays', () => {
  scriptApt(all);
  writeFileSync(machine.policyPath, 'mine');
  expect(provide(machine)).toEqual([]);
  expect(readFileSync(machine.policyPath, 'utf8')).toBe('mine');
});

test('nothing is asked of apt-get when all is there', () => {
  for (const name of all) script(name, '');
  scriptApt([]);
  expect(provide(machine)).toEqual([]);
  expect(existsSync(join(folder, 'calls'))).toBe(false);
});

test('what could not be installed is named, with what apt-get said', () => {
  script('apt-get', 'echo "E: no network"; exit 100');
  const missing = provide(machine);
  expect(missing).toHaveLength(20);
  expect(missing[0]).toBe('busybox-static: apt-get could not install it\nE: no network\nE: no network\n');
  expect(existsSync(machine.policyPath)).toBe(false);
});

test('a machine without apt-get is told what it lacks', () => {
  expect(provide(machine)).toContain('wrk: not installed, and there is no apt-get');
});
