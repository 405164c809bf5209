/**
 * The test command: prerequisites, checks, unit tests, then what spans layers; one summary, one last line
 * `N passed, N failed`. What measures, loads the machine or runs an engine has the machine to itself.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Job, type JobResult, runJob, testFileJob } from './job.ts';
import { provide, searchPath } from './prerequisites.ts';

const usage = `Usage: ./luma-test [--long] [--unit] [PATTERN…]

Installs what tests need, then runs every check and test.

  --long     also the long tests
  --unit     only the checks and the unit tests
  PATTERN    only checks and test files whose name contains it

Examples:
  ./luma-test
  ./luma-test --unit
  ./luma-test src/base
  ./luma-test types layers`;

const root = resolve(import.meta.dir, '..');
const minuteMs = 60_000;

interface Wanted {
  readonly isLong: boolean;
  readonly isUnitOnly: boolean;
  readonly patterns: readonly string[];
}

const checks: readonly Job[] = [
  check('format', ['biome', 'check', '--error-on-warnings', '--no-errors-on-unmatched']),
  check('types', ['tsc', '--noEmit']),
  check('layers', ['depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'test', 'bench', 'scripts']),
];

const wanted = readArguments();
const results = await runAll(wanted);
summarise(results);

function readArguments(): Wanted {
  try {
    const options = {
      long: { type: 'boolean' },
      unit: { type: 'boolean' },
      help: { type: 'boolean' },
    } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    return { isLong: values.long ?? false, isUnitOnly: values.unit ?? false, patterns: positionals };
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}

async function runAll({ isLong, isUnitOnly, patterns }: Wanted): Promise<readonly JobResult[]> {
  const isWanted = (name: string): boolean =>
    patterns.length === 0 || patterns.some((pattern) => name.includes(pattern.replace(/^\.\//, '')));
  const timeoutMs = (isLong ? 60 : 15) * minuteMs;
  const files = [...testFiles('src'), ...(isUnitOnly ? [] : testFiles('test'))]
    .filter((path) => !(isUnitOnly && needsMachine(path)))
    .filter(isWanted);
  const jobs = files.map((path) => testFileJob(path, ['--timeout=30000'], timeoutMs));
  const side = [
    ...checks.filter(({ name }) => isWanted(name)),
    ...jobs.filter(({ name }) => !needsMachine(name)),
  ];
  const alone = jobs.filter(({ name }) => needsMachine(name));
  if (side.length + alone.length === 0) {
    console.error(`error: no check or test file contains ${patterns.join(' or ')}`);
    process.exit(2);
  }
  const env = environment(isLong);
  return [
    ...(isUnitOnly ? [] : prerequisites()),
    ...(await runMany(side, env)),
    ...(await runMany(alone, env, 1)),
  ];
}

/** Whole programs, real engines and load: two of them at once would disturb each other. */
function needsMachine(path: string): boolean {
  return /^test\/.*(?:^|[/.-])(?:e2e|integration|chaos|clients|docker|swarm|load)(?:[/.-])/.test(path);
}

function testFiles(folder: string): string[] {
  return [...new Bun.Glob(`${folder}/**/*.test.ts`).scanSync({ cwd: root })].sort();
}

/** What the caller's shell says to Luma must not change what tests see. */
function environment(isLong: boolean): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^LUMA_(?!TEST_)/.test(name));
  return { ...Object.fromEntries(inherited), PATH: searchPath, LUMA_TEST_LONG: isLong ? '1' : undefined };
}

function prerequisites(): readonly JobResult[] {
  const startedAt = performance.now();
  const missing = provide();
  const counts = { passed: missing.length === 0 ? 1 : 0, failed: missing.length, skipped: 0 };
  const durationMs = performance.now() - startedAt;
  const result = { name: 'prerequisites', ...counts, output: missing.join('\n'), durationMs };
  report(result);
  return [result];
}

async function runMany(
  jobs: readonly Job[],
  env: Readonly<Record<string, string | undefined>>,
  lanes = availableParallelism(),
): Promise<readonly JobResult[]> {
  const waiting = [...jobs];
  const done: JobResult[] = [];
  const runLane = async (): Promise<void> => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const result = await runJob(job, { root, env });
      report(result);
      done.push(result);
    }
  };
  await Promise.all(Array.from({ length: lanes }, runLane));
  return done;
}

function check(name: string, [tool = '', ...args]: readonly string[]): Job {
  const command = [resolve(root, 'node_modules/.bin', tool), ...args];
  return { name, command, junitPath: null, timeoutMs: 5 * minuteMs };
}

function report({ name, passed, failed, skipped, durationMs, output }: JobResult): void {
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  const seconds = `${(durationMs / 1000).toFixed(1)}s`;
  console.log(`${failed > 0 ? 'FAIL' : 'ok  '} ${name}  ${counts.filter(Boolean).join(', ')}  ${seconds}`);
  if (failed > 0) console.log(output.trimEnd().replace(/^/gm, '     | '));
}

function summarise(all: readonly JobResult[]): never {
  const total = (key: 'passed' | 'failed' | 'skipped'): number =>
    all.reduce((sum, result) => sum + result[key], 0);
  const failures = all.filter(({ failed }) => failed > 0);
  if (failures.length > 0) console.log(`\nfailed:\n${failures.map(({ name }) => `  ${name}`).join('\n')}`);
  if (total('skipped') > 0) console.log(`\n${total('skipped')} skipped (long tests run with --long)`);
  console.log(`\n${total('passed')} passed, ${total('failed')} failed`);
  process.exit(total('failed') > 0 ? 1 : 0);
}
