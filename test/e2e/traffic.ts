/** Splits as a client of real programs sees them: which revision answers, and who counts it. */
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
