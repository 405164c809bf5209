/** One thing the test command runs: a check or a test file, as a process of its own with its output kept. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Job {
  readonly name: string;
  readonly command: readonly string[];
  /** Where the command writes how many tests passed; null: it is one test itself. */
  readonly junitPath: string | null;
  readonly timeoutMs: number;
}

export interface JobResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly output: string;
  readonly durationMs: number;
}

export interface JobOptions {
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How long a process that ran out of time may take to clean up after SIGTERM. */
const CLEAN_UP_MS = 15_000;

export function testFileJob(path: string, flags: readonly string[], timeoutMs: number): Job {
  const junitPath = join(tmpdir(), `luma-test-${process.pid}-${path.replaceAll('/', '-')}.xml`);
  const report = ['--reporter=junit', `--reporter-outfile=${junitPath}`];
  return {
    name: path,
    command: [process.execPath, 'test', ...flags, ...report, `./${path}`],
    junitPath,
    timeoutMs,
  };
}

export async function runJob(job: Job, options: JobOptions): Promise<JobResult> {
  const startedAt = performance.now();
  const child = Bun.spawn([...job.command], {
    cwd: options.root,
    env: options.env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const deadline = endAt(child, job.timeoutMs);
  const [stdout, stderr, exitCode] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    child.exited,
  ]);
  deadline.cancel();
  const late = deadline.hasPassed()
    ? `ran longer than ${job.timeoutMs / 60_000} minutes and was ended\n`
    : '';
  const counts = job.junitPath === null ? checkCounts(exitCode) : testCounts(job.junitPath, exitCode);
  const durationMs = performance.now() - startedAt;
  return { name: job.name, ...counts, output: `${stdout}${stderr}${late}`, durationMs };
}

type Counts = Pick<JobResult, 'passed' | 'failed' | 'skipped'>;

function checkCounts(exitCode: number): Counts {
  return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/** A file that fails outside its tests (it throws, crashes, hangs, or holds no test) is one failed test. */
function testCounts(junitPath: string, exitCode: number): Counts {
  const report = existsSync(junitPath) ? readFileSync(junitPath, 'utf8') : '';
  rmSync(junitPath, { force: true });
  const counts = readJunit(report);
  const isSilentFailure = counts.failed === 0 && (exitCode !== 0 || counts.passed + counts.skipped === 0);
  return isSilentFailure ? { ...counts, failed: 1 } : counts;
}

/** Reads the totals that Bun writes into the root element. */
export function readJunit(report: string): Counts {
  const [rootElement = ''] = /<testsuites [^>]*>/.exec(report) ?? [];
  const total = (name: string): number => Number(new RegExp(` ${name}="(\\d+)"`).exec(rootElement)?.[1] ?? 0);
  const failed = total('failures') + total('errors');
  return { passed: total('tests') - failed - total('skipped'), failed, skipped: total('skipped') };
}

function endAt(child: Bun.Subprocess, timeoutMs: number): { cancel(): void; hasPassed(): boolean } {
  let hasPassed = false;
  let timer = setTimeout(() => {
    hasPassed = true;
    child.kill('SIGTERM');
    timer = setTimeout(() => child.kill('SIGKILL'), CLEAN_UP_MS);
  }, timeoutMs);
  return { cancel: () => clearTimeout(timer), hasPassed: () => hasPassed };
}

function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text();
}
