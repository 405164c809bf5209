/** What tests need besides npm packages: found on this machine, or installed with apt. Owns nothing that lasts. */
import { existsSync } from 'node:fs';

/** Command → Debian package. */
const packages: Readonly<Record<string, string>> = {
  busybox: 'busybox-static',
  caddy: 'caddy',
  chromium: 'chromium',
  curl: 'curl',
  docker: 'docker.io',
  'docker-registry': 'docker-registry',
  dockerd: 'docker.io',
  haproxy: 'haproxy',
  ip: 'iproute2',
  iptables: 'iptables',
  nginx: 'nginx-light',
  nsenter: 'util-linux',
  openssl: 'openssl',
  pebble: 'pebble',
  python3: 'python3',
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
    return missing.map((name) => `${name}: not installed, and there is no apt-get`);
  }
  const asRoot = rootPrefix(machine);
  if (asRoot === null)
    return missing.map((name) => `${name}: not installed; run: sudo apt-get install ${name}`);
  console.log(`installing ${missing.join(' ')}`);
  const output = install(missing, asRoot, machine);
  return missingPackages(machine).map((name) => `${name}: apt-get could not install it\n${output}`);
}

function missingPackages({ path }: Machine): string[] {
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

function install(names: readonly string[], asRoot: readonly string[], machine: Machine): string {
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
    const installed = run([...aptGet, 'install', '-y', '--no-install-recommends', ...names], machine);
    return installed.isOk ? '' : `${update.output}${installed.output}`;
  } finally {
    if (isPolicyOurs) run([...asRoot, 'rm', '-f', policyPath], machine);
  }
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
