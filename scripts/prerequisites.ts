/** What tests need besides npm packages: found on this machine, or installed with apt. Owns nothing that lasts. */
import { existsSync } from 'node:fs';

type Package = string | readonly string[];

/** Command → Debian package; of several, the first that this release of Debian has. */
const packages: Readonly<Record<string, Package>> = {
  busybox: 'busybox-static',
  caddy: 'caddy',
  chromium: 'chromium',
  curl: 'curl',
  // Debian 13 has the client in a package of its own.
  docker: ['docker-cli', 'docker.io'],
  'docker-registry': 'docker-registry',
  dockerd: 'docker.io',
  h2load: 'nghttp2-client',
  haproxy: 'haproxy',
  ip: 'iproute2',
  iptables: 'iptables',
  'mkfs.ext4': 'e2fsprogs',
  nghttp: 'nghttp2-client',
  nginx: 'nginx-light',
  nsenter: 'util-linux',
  openssl: 'openssl',
  pebble: 'pebble',
  python3: 'python3',
  readelf: 'binutils',
  'systemd-analyze': 'systemd',
  wrk: 'wrk',
};

/** Debian keeps daemons where an ordinary user's PATH does not look. */
export const searchPath = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

export interface Machine {
  /** Where commands are looked for. */
  readonly path: string;
  /** A package that is being installed must not start its service: ports 80 and 5000 are other people's. */
  readonly policyPath: string;
}

const thisMachine: Machine = { path: searchPath, policyPath: '/usr/sbin/policy-rc.d' };

/** Installs what is missing. Returns what is still missing, each with why, in words. */
export function provide(machine: Machine = thisMachine): readonly string[] {
  const missing = missingPackages(machine);
  if (missing.length === 0) return [];
  if (!Bun.which('apt-get', { PATH: machine.path })) {
    return missing.map((name) => `${nameOf(name)}: not installed, and there is no apt-get`);
  }
  const asRoot = rootPrefix(machine);
  if (asRoot === null)
    return missing.map((name) => `${nameOf(name)}: not installed; run: sudo apt-get install ${nameOf(name)}`);
  console.log(`installing ${missing.map(nameOf).join(' ')}`);
  const output = install(missing, asRoot, machine);
  return missingPackages(machine).map((name) => `${nameOf(name)}: apt-get could not install it\n${output}`);
}

function nameOf(names: Package): string {
  return typeof names === 'string' ? names : names.join(' or ');
}

function missingPackages({ path }: Machine): Package[] {
  const names = Object.entries(packages)
    .filter(([command]) => Bun.which(command, { PATH: path }) === null)
    .map(([, name]) => name);
  return [...new Set(names)];
}

/** How to become root: nothing to do, sudo without a password, or null. */
function rootPrefix(machine: Machine): readonly string[] | null {
  if (process.getuid?.() === 0) return [];
  return run(['sudo', '-n', 'true'], machine).isOk ? ['sudo', '-n'] : null;
}

function install(missing: readonly Package[], asRoot: readonly string[], machine: Machine): string {
  const { policyPath } = machine;
  const isPolicyOurs = !existsSync(policyPath);
  const aptGet = [
    ...asRoot,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-o',
    'DPkg::Lock::Timeout=300',
    '-qq',
  ];
  const policy = `printf '#!/bin/sh\\nexit 101\\n' >'${policyPath}' && chmod 755 '${policyPath}'`;
  try {
    if (isPolicyOurs) run([...asRoot, 'sh', '-c', policy], machine);
    const update = run([...aptGet, 'update'], machine);
    const names = new Set(missing.map((name) => inThisRelease(name, machine)));
    const installed = run([...aptGet, 'install', '-y', '--no-install-recommends', ...names], machine);
    return installed.isOk ? '' : `${update.output}${installed.output}`;
  } finally {
    if (isPolicyOurs) run([...asRoot, 'rm', '-f', policyPath], machine);
  }
}

function inThisRelease(names: Package, machine: Machine): string {
  if (typeof names === 'string') return names;
  const has = (name: string) => run(['apt-cache', 'show', name], machine).isOk;
  return names.find(has) ?? names[names.length - 1] ?? '';
}

function run(
  command: readonly string[],
  { path }: Machine,
): { readonly isOk: boolean; readonly output: string } {
  const program = Bun.which(command[0] ?? '', { PATH: path });
  if (!program) return { isOk: false, output: `${command[0]}: not found\n` };
  const env = { ...process.env, PATH: path };
  const done = Bun.spawnSync([program, ...command.slice(1)], {
    env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  return { isOk: done.exitCode === 0, output: `${done.stdout}${done.stderr}` };
}
