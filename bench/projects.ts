/**
 * What many sleeping projects cost: start-up, memory of all Luma processes, and adding one more.
 *
 *   bench/projects.ts [--projects 1000] [--runtime process]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Luma } from '../test/e2e/luma.ts';
import { printTable, summarise } from './statistics.ts';

const { values: flags } = parseArgs({
  options: { projects: { type: 'string', default: '1000' }, runtime: { type: 'string', default: 'process' } },
});
const count = Number(flags.projects);
const runtime = flags.runtime === 'docker' ? 'docker' : 'process';

/** Resident memory of a process and all below it, MB. */
function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  return kilobytes / 1024 + childrenOf(pid).reduce((sum, child) => sum + residentMb(child), 0);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

async function timeMs(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** A process gives back what its start took, a few seconds later. */
const SETTLED_AFTER_MS = 8_000;

const luma = await Luma.start({ runtime, apart: true });
try {
  for (let n = 0; n < count; n++) await luma.add({ name: `p-${n}` });
  await Bun.sleep(2_000);
  await luma.interruptServer();
  const startUpMs = await timeMs(() => luma.startServer());
  await Bun.sleep(SETTLED_AFTER_MS);
  const serverMb = residentMb(luma.serverPid);
  const proxyMb = residentMb(luma.proxyPid);
  const adds: number[] = [];
  for (let n = 0; n < 50; n++) adds.push(await timeMs(() => luma.add({ name: `more-${n}` })));
  const add = summarise(adds);
  const list = await timeMs(async () => void (await luma.projects()));
  const answer = await luma.get(`p-${count - 1}.localhost`);
  console.log(`${count} sleeping projects, runtime ${runtime}`);
  printTable(
    ['', 'measured', 'aim'],
    [
      ['start-up until the API answers and the proxy has its routes, ms', startUpMs, '3000'],
      ['resident memory: server, MB', serverMb, ''],
      ['resident memory: proxy and worker, MB', proxyMb, ''],
      ['resident memory: all, MB', serverMb + proxyMb, '250'],
      ['adding one more, p50, ms', add.p50, '10'],
      ['adding one more, p95, ms', add.p95, ''],
      ['listing all of them, ms', list, ''],
      ['the last one still wakes: status', String(answer.status), '200'],
    ],
  );
} finally {
  await luma.stop();
}
