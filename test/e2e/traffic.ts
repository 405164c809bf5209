/** Splits as a client of real programs sees them: which revision answers, and who counts it. */
import { expect } from 'bun:test';
import { join } from 'node:path';
import { type Luma, until } from './luma.ts';

export interface Share {
  readonly revision: number;
  readonly percent: number;
  readonly wanted_percent: number;
  readonly status: string;
}

/** The revision that answered, by its own environment; 0: it was no answer of the app. */
export async function answeredBy(
  luma: Luma,
  host: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { status, body } = await luma.get(host, '/env', { headers });
  if (status !== 200) return 0;
  const { K_REVISION: name = '' } = JSON.parse(body) as Record<string, string>;
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

/** How often each revision answers, of so many requests; 0: nobody did. */
export async function count(luma: Luma, host: string, requests: number): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for (let each = 0; each < requests; each++) {
    const revision = await answeredBy(luma, host);
    counts.set(revision, (counts.get(revision) ?? 0) + 1);
  }
  return counts;
}

export async function deploy(luma: Luma, name: string, changes: object, query = ''): Promise<void> {
  const { status, json } = await luma.api('PATCH', `/projects/${name}${query}`, changes);
  if (status !== 200) throw new Error(JSON.stringify(json));
}

export async function split(luma: Luma, name: string, traffic: readonly object[]): Promise<void> {
  const { status, json } = await luma.api('PUT', `/projects/${name}/traffic`, { traffic });
  if (status !== 200) throw new Error(JSON.stringify(json));
  await untilInForce(luma, name);
}

export async function shares(luma: Luma, name: string): Promise<readonly Share[]> {
  return (await luma.api('GET', `/projects/${name}/traffic`)).json['traffic'] as Share[];
}

export function untilInForce(luma: Luma, name: string): Promise<void> {
  return until('the split to be in force', async () =>
    (await shares(luma, name)).every(({ percent, wanted_percent: wanted }) => percent === wanted),
  );
}

export function untilAsleep(luma: Luma, name: string): Promise<void> {
  return until(`all of ${name} to sleep`, async () =>
    (await shares(luma, name)).every(({ status }) => status === 'idle'),
  );
}

/** What `luma logs` says, as a person runs it. */
export async function logsOf(luma: Luma, ...args: readonly string[]): Promise<readonly string[]> {
  const child = logsProgram(luma, args);
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text.trim().split('\n');
}

/** Follows until it is stopped; `lines` are those that have come. */
export function followedLogs(
  luma: Luma,
  ...args: readonly string[]
): { readonly lines: readonly string[]; stop(): Promise<void> } {
  const child = logsProgram(luma, ['--follow', ...args]);
  const lines: string[] = [];
  const reading = (async () => {
    let rest = '';
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
    }
  })();
  return {
    lines,
    stop: async () => {
      child.kill('SIGINT');
      await child.exited;
      await reading;
    },
  };
}

function logsProgram(luma: Luma, args: readonly string[]) {
  const program = join(import.meta.dir, '../../src/bin/luma.ts');
  const url = `http://127.0.0.1:${luma.apiPort}`;
  const command = [process.execPath, program, 'logs', '--api-url', url, ...args];
  return Bun.spawn(command, { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' });
}

/** Both revisions of a split speak, and say who they are; one alone if asked; who follows hears both. */
export async function bothAreHeard(luma: Luma, name: string): Promise<void> {
  const who = /^([12]) \S+ \| listening on \d+$/;
  const revisionsOf = (lines: readonly string[]): Set<string> =>
    new Set(lines.flatMap((line) => who.exec(line)?.[1] ?? []));
  expect(revisionsOf(await logsOf(luma, '--prefix', name))).toEqual(new Set(['1', '2']));
  const ofTwo = await logsOf(luma, '--prefix', '--revision', '2', name);
  expect(ofTwo.every((line) => line.startsWith('2 '))).toBe(true);
  const followed = followedLogs(luma, '--prefix', '--tail', '1', name);
  await until('the last line of all', async () => followed.lines.length > 0);
  expect((await luma.api('POST', `/projects/${name}/sleep`)).status).toBe(200);
  expect((await luma.api('POST', `/projects/${name}/wake`)).status).toBe(200);
  await until('both to be heard', async () => revisionsOf(followed.lines.slice(1)).size === 2);
  await followed.stop();
}
