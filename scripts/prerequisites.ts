/** What tests need besides npm packages: found on this machine, or installed with apt. Owns nothing that lasts. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** Command → Debian package. */
const packages: Readonly<Record<string, string>> = {
  busybox: 'busybox-static',
  caddy: 'caddy',
  curl: 'curl',
  docker: 'docker.io',
  'docker-registry': 'docker-registry',
  dockerd: 'docker.io',
  haproxy: 'haproxy',
  ip: 'iproute2',
  iptables: 'iptables',
  nginx: 'nginx-light',
  nsenter: 'util-linux',
  python3: 'python3',
  wrk: 'wrk',
};

/** Debian keeps daemons where an ordinary user's PATH does not look. */
export const searchPath = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** A package that is being installed must not start its service: ports 80 and 5000 are other people's. */
const policyPath = '/usr/sbin/policy-rc.d';

/** Installs what is missing. Returns what is still missing, each with why, in words. */
export function provide(): readonly string[] {
  const missing = missingPackages();
  if (missing.length === 0) return [];
  if (!Bun.which('apt-get')) return missing.map((name) => `${name}: not installed, and there is no apt-get`);
  const asRoot = rootPrefix();
  if (asRoot === null)
    return missing.map((name) => `${name}: not installed; run: sudo apt-get install ${name}`);
  console.log(`installing ${missing.join(' ')}`);
  const output = install(missing, asRoot);
  return missingPackages().map((name) => `${name}: apt-get could not install it\n${output}`);
}

function missingPackages(): string[] {
  const names = Object.entries(packages)
    .filter(([command]) => Bun.which(command, { PATH: searchPath }) === null)
    .map(([, name]) => name);
  return [...new Set(names)];
}

/** How to become root: nothing to do, sudo without a password, or null. */
function rootPrefix(): readonly string[] | null {
  if (process.getuid?.() === 0) return [];
  return run(['sudo', '-n', 'true']).isOk ? ['sudo', '-n'] : null;
}

function install(names: readonly string[], asRoot: readonly string[]): string {
  const isPolicyOurs = !existsSync(policyPath);
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const aptGet = [...asRoot, ...environment, 'apt-get', '-o', 'DPkg::Lock::Timeout=300', '-qq'];
  try {
    if (isPolicyOurs) writePolicy(asRoot);
    const update = run([...aptGet, 'update']);
    const installed = run([...aptGet, 'install', '-y', '--no-install-recommends', ...names]);
    return installed.isOk ? '' : `${update.output}${installed.output}`;
  } finally {
    if (isPolicyOurs) removePolicy(asRoot);
  }
}

function writePolicy(asRoot: readonly string[]): void {
  const script = '#!/bin/sh\nexit 101\n';
  if (asRoot.length === 0) writeFileSync(policyPath, script, { mode: 0o755 });
  else run([...asRoot, 'sh', '-c', `printf '%s' "$1" >${policyPath}; chmod 755 ${policyPath}`, 'sh', script]);
}

function removePolicy(asRoot: readonly string[]): void {
  if (asRoot.length === 0) rmSync(policyPath, { force: true });
  else run([...asRoot, 'rm', '-f', policyPath]);
}

function run(command: readonly string[]): { readonly isOk: boolean; readonly output: string } {
  if (!Bun.which(command[0] ?? '')) return { isOk: false, output: `${command[0]}: not found\n` };
  const done = Bun.spawnSync([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  return { isOk: done.exitCode === 0, output: `${done.stdout}${done.stderr}` };
}
