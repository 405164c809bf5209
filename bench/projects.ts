/**
 * What many projects cost, most of them asleep and some awake: start-up, memory and CPU of all Luma processes, adding one more,
 * listing all. Two minutes for 5,000; exits with 1 when something takes more than it should.
 *
 *   bench/projects.ts [--projects 1000] [--awake 0] [--idle-seconds 30] [--runtime process|docker]
 *   bench/projects.ts --projects 5000 --awake 50
 */
import { parseArgs } from 'node:util';
import { Luma } from '../test/e2e/luma.ts';
import { cpuMs, familyOf, residentMb } from './projects/processes.ts';
import { percentile, printTable, summarise } from './statistics.ts';

const { values: flags } = parseArgs({
  options: {
    projects: { type: 'string', default: '1000' },
    awake: { type: 'string', default: '0' },
    'idle-seconds': { type: 'string', default: '30' },
    runtime: { type: 'string', default: 'process' },
  },
});
const count = Number(flags.projects);
const awakeCount = Number(flags.awake);
const idleMs = Number(flags['idle-seconds']) * 1_000;
const runtime = flags.runtime === 'docker' ? 'docker' : 'process';

/** A process gives back what its start took, and has compiled what it runs, some seconds later. */
const settledAfterMs = 20_000;
const addsAtOnce = 16;
const moreCount = 50;
const listCount = 20;
async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function addAll(luma: Luma): Promise<void> {
  const left = Array.from({ length: count }, (_, n) => n);
  const add = async (): Promise<void> => {
    for (let n = left.shift(); n !== undefined; n = left.shift())
      await luma.add({ name: `p-${n}`, ...(n < awakeCount && { idle_timeout: 'never' }) });
  };
  await Promise.all(Array.from({ length: addsAtOnce }, add));
}

/** Of a core, in percent, process by process: Luma's own, not its instances. */
async function idleCpu(pids: readonly number[]): Promise<readonly number[]> {
  const before = pids.map((pid) => cpuMs([pid]));
  const tookMs = await timeMs(() => Bun.sleep(idleMs));
  return pids.map((pid, n) => (100 * (cpuMs([pid]) - (before[n] ?? 0))) / tookMs);
}

/** Until its last byte: what the client makes of it is not the platform's. */
async function listAll({ apiPort }: Luma): Promise<void> {
  await (await fetch(`http://127.0.0.1:${apiPort}/projects`)).arrayBuffer();
}

/** Deleting thousands of sleeping processes one by one takes minutes, and leaves no less behind. */
async function endQuickly(luma: Luma): Promise<void> {
  if (runtime === 'docker') return void (await luma.stop());
  for (const { name, status } of await luma.projects())
    if (status !== 'idle') await luma.api('DELETE', `/projects/${name}`);
  await luma.end();
}

type Row = readonly [what: string, measured: number, most: number | null];

async function measure(luma: Luma): Promise<readonly Row[]> {
  await Bun.sleep(2_000);
  await luma.interruptServer();
  const startUpMs = await timeMs(() => luma.startServer());
  for (let n = 0; n < awakeCount; n++) {
    const { status } = await luma.get(`p-${n}.localhost`);
    if (status !== 200) throw new Error(`p-${n} answered ${status}`);
  }
  await Bun.sleep(settledAfterMs);
  const proxy = familyOf(luma.proxyPid);
  const [serverCpu = 0, daemonCpu = 0, ...workersCpu] = await idleCpu([luma.serverPid, ...proxy]);
  const workerCpu = workersCpu.reduce((sum, one) => sum + one, 0);
  const serverMb = residentMb([luma.serverPid]);
  const proxyMb = residentMb(proxy);
  const adds: number[] = [];
  for (let n = 0; n < moreCount; n++) adds.push(await timeMs(() => luma.add({ name: `more-${n}` })));
  const lists: number[] = [];
  for (let n = 0; n < listCount; n++) lists.push(await timeMs(() => listAll(luma)));
  const add = summarise(adds);
  const last = await luma.get(`p-${count - 1}.localhost`);
  if (last.status !== 200) throw new Error(`the last one answered ${last.status}`);
  const isMany = count > 1_000;
  return [
    ['start-up until the API answers and the proxy has its routes, ms', startUpMs, isMany ? null : 3_000],
    ['CPU of the idle platform, percent of a core', serverCpu + daemonCpu + workerCpu, 1],
    ['  server', serverCpu, null],
    ['  proxy: daemon', daemonCpu, null],
    ['  proxy: worker', workerCpu, null],
    ['resident memory: server, MB', serverMb, null],
    ['resident memory: proxy and worker, MB', proxyMb, null],
    ['resident memory: all, MB', serverMb + proxyMb, isMany ? null : 250],
    ['adding one more, p50, ms', add.p50, 10],
    ['adding one more, p95, ms', add.p95, null],
    ['listing all of them, p50, ms', percentile(lists, 0.5), 50],
    ['listing all of them, p95, ms', percentile(lists, 0.95), null],
  ];
}

const luma = await Luma.start({ runtime, apart: true });
try {
  await addAll(luma);
  const rows = await measure(luma);
  console.log(`${count} projects, ${awakeCount} of them awake, runtime ${runtime}`);
  printTable(
    ['', 'measured', 'at most', ''],
    rows.map(([what, measured, most]) => [
      what,
      measured,
      most === null ? '' : String(most),
      most === null ? '' : measured <= most ? 'met' : 'MISSED',
    ]),
  );
  process.exitCode = rows.every(([, measured, most]) => most === null || measured <= most) ? 0 : 1;
} finally {
  await endQuickly(luma);
}
