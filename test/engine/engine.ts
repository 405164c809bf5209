/**
 * A real Docker Engine for tests and benches: the one named by DOCKER_HOST_FOR_TESTS, or a private one that
 * is started for the caller and removed afterwards. A machine that cannot have one fails the test: no skips.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const script = join(import.meta.dir, 'engine-up.sh');
/** Short: a Unix socket's path has at most 107 characters. */
const folderPrefix = 'luma-eng-';
const ownerFile = 'owner';

export interface TestEngine {
  /** In the form of DOCKER_HOST. */
  readonly dockerHost: string;
  /** What its script says: addresses, its pid, its network namespace. Empty for a shared engine. */
  readonly facts: Readonly<Record<string, string>>;
  /** False where others use it too: then it must not be killed. */
  readonly isPrivate: boolean;
  /** SIGKILL to the engine alone. */
  kill(): Promise<void>;
  /** Starts it again with the same data. */
  restart(): Promise<void>;
  /** Removes a private engine and all it made; leaves a shared one alone. */
  stop(): Promise<void>;
}

export interface TestEngineOptions {
  /** Never a shared engine: for tests that kill it. */
  readonly isPrivate?: boolean;
  /** Also `luma-test/node`, which takes some seconds. */
  readonly withNode?: boolean;
  /** A disk of this size, in memory, for tests that fill it; and no other image than busybox. */
  readonly diskMb?: number;
  /** More flags for dockerd, of a private engine. */
  readonly flags?: readonly string[];
}

export async function withEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const shared = process.env['DOCKER_HOST_FOR_TESTS'];
  if (shared && !options.isPrivate) return sharedEngine(shared);
  await sweep();
  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
  writeFileSync(join(folder, ownerFile), owner(process.pid));
  const { diskMb } = options;
  const env = {
    ...(options.withNode && { NODE_IMAGE: '1' }),
    ...(diskMb !== undefined && { DATA_MB: String(diskMb), IMAGES: 'small' }),
  };
  const up = () => run(['up', folder, '--', ...(options.flags ?? [])], env);
  const stop = async (): Promise<void> => {
    await run(['down', folder]);
  };
  try {
    const facts = parseFacts(await up());
    return {
      dockerHost: facts['DOCKER_HOST'] ?? '',
      facts,
      isPrivate: true,
      kill: async () => void (await run(['kill', folder])),
      restart: async () => void (await up()),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function sharedEngine(dockerHost: string): TestEngine {
  const refuse = async (): Promise<void> => {
    throw new Error('a shared engine must not be killed: ask for a private one');
  };
  return { dockerHost, facts: {}, isPrivate: false, kill: refuse, restart: refuse, stop: async () => {} };
}

/** Removes engines whose owner was killed before it could. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue;
    const folder = join(tmpdir(), name);
    const file = join(folder, ownerFile);
    if (!existsSync(file)) continue;
    const written = readFileSync(file, 'utf8');
    const pid = Number(written.split(' ')[0]);
    if (written !== owner(pid)) await run(['down', folder]);
  }
}

/** A pid and its start time: a pid alone may belong to somebody else by now. */
function owner(pid: number): string {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return '';
  const stat = readFileSync(path, 'utf8');
  // Behind the command's name, which may hold spaces: field 22 is the start time.
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = Bun.spawn([script, ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    env: { ...process.env, ...env },
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`engine-up.sh ${args[0]} ended with ${code}:\n${stderr}`);
  return stdout;
}

function parseFacts(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
