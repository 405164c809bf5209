/**
 * Installs the npm packages of package-lock.json: run by the entry scripts with nothing but Node and npm there.
 * One installer at a time, by a lock file beside node_modules; whoever comes second finds the work done.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 20;
const LOCK_WAIT_MS = 10 * 60_000;
const LOCK_POLL_MS = 200;

class InstallError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
const paths = {
  lockfile: join(root, 'package-lock.json'),
  modules: join(root, 'node_modules'),
  stamp: join(root, 'node_modules', '.luma-installed'),
  /** Which packages npm has put there: npm's own record. */
  npmRecord: join(root, 'node_modules', '.package-lock.json'),
  bun: join(root, 'node_modules', 'bun', 'bin', 'bun.exe'),
  lock: join(root, '.luma-install.lock'),
};

try {
  await install();
} catch (error) {
  if (!(error instanceof InstallError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  if (error.hint) process.stderr.write(`hint: ${error.hint}\n`);
  process.exitCode = 1;
}

async function install() {
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    throw new InstallError(
      `Node.js ${process.versions.node} is too old`,
      `Luma needs Node.js ${NODE_MAJOR_MIN} or newer`,
    );
  }
  await withLock(() => {
    if (isDone()) return;
    if (!hasEveryPackage()) runNpm();
    makeBunRun();
    copyFileSync(paths.lockfile, paths.stamp);
  });
}

function isDone() {
  return (
    existsSync(paths.stamp) &&
    existsSync(paths.bun) &&
    readFileSync(paths.stamp).equals(readFileSync(paths.lockfile))
  );
}

/** True after somebody's own `npm ci`: then installing again would only pull the packages from under running programs. */
function hasEveryPackage() {
  if (!existsSync(paths.npmRecord)) return false;
  const wanted = JSON.parse(readFileSync(paths.lockfile, 'utf8')).packages;
  const present = JSON.parse(readFileSync(paths.npmRecord, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || optional || (present[path]?.version === version && existsSync(join(root, path))),
  );
}

/**
 * Install scripts are left out on purpose: npm may skip them by policy anyway, only Bun's is needed
 * (`makeBunRun`), and the others would compile native code that Luma does not use.
 */
function runNpm() {
  process.stderr.write('luma: installing npm packages; this happens once\n');
  const args = [
    'ci',
    '--include=dev',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--loglevel=error',
  ];
  const npm = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  if (npm.error?.code === 'ENOENT')
    throw new InstallError(
      'npm is not installed',
      'Luma needs npm, which comes with Node.js: https://nodejs.org',
    );
  if (npm.error) throw npm.error;
  if (npm.status !== 0)
    throw new InstallError(
      `npm ci ended with ${npm.status ?? npm.signal}`,
      `see npm's message above; run the command again when that is solved`,
    );
}

/** What Bun's own install script does; where that fails, the binary of its platform package is put in place. */
function makeBunRun() {
  if (bunRuns()) return;
  spawnSync(process.execPath, [join(root, 'node_modules', 'bun', 'install.js')], {
    cwd: root,
    stdio: 'ignore',
  });
  if (bunRuns()) return;
  for (const candidate of platformBinaries()) {
    rmSync(paths.bun, { force: true });
    copyFileSync(candidate, paths.bun);
    if (bunRuns()) return;
  }
  throw new InstallError(
    `Bun does not run on this machine (${process.platform} ${process.arch})`,
    'Luma needs a 64-bit Linux or macOS that Bun supports',
  );
}

function bunRuns() {
  return spawnSync(paths.bun, ['--version'], { stdio: 'ignore' }).status === 0;
}

function platformBinaries() {
  const scope = join(root, 'node_modules', '@oven');
  if (!existsSync(scope)) return [];
  return readdirSync(scope)
    .map((name) => join(scope, name, 'bin', 'bun'))
    .filter((path) => existsSync(path));
}

async function withLock(work) {
  await takeLock();
  try {
    work();
  } finally {
    rmSync(paths.lock, { force: true });
  }
}

async function takeLock() {
  const own = `${paths.lock}.${process.pid}`;
  const deadline = performance.now() + LOCK_WAIT_MS;
  try {
    writeFileSync(own, String(process.pid));
    while (!tryLink(own)) {
      if (performance.now() > deadline) throw lockError();
      breakDeadLock();
      await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code)) throw error;
    throw new InstallError(
      `the npm packages are not installed, and ${root} cannot be written`,
      `run ${join(root, 'luma')} once as a user who may`,
    );
  } finally {
    rmSync(own, { force: true });
  }
}

/** A link appears with its content: nobody ever sees a lock without its owner's pid. */
function tryLink(own) {
  try {
    linkSync(own, paths.lock);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** A directory lets one process at a time look and remove, so that nobody removes a lock that was just taken. */
function breakDeadLock() {
  const breaking = `${paths.lock}.breaking`;
  try {
    mkdirSync(breaking);
  } catch (error) {
    if (error.code === 'EEXIST') return;
    throw error;
  }
  try {
    if (!isAlive(lockOwner())) rmSync(paths.lock, { force: true });
  } finally {
    rmdirSync(breaking);
  }
}

/** The pid in the lock; null when it was given back meanwhile. */
function lockOwner() {
  try {
    return Number(readFileSync(paths.lock, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function isAlive(pid) {
  if (pid === null) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function lockError() {
  return new InstallError(
    `another installation has been running for ${LOCK_WAIT_MS / 60_000} minutes`,
    `if none is, remove ${paths.lock}* and run the command again`,
  );
}
