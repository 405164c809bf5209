/**
 * Deploys and rollbacks under load on a real Docker Engine, images that work and images that do not in a seeded mix: no request
 * fails, and what answers is the revision that the API says.
 */
import { expect, test } from 'bun:test';
import { SeededRandom } from '../chaos/random.ts';
import { withEngine } from '../engine/engine.ts';
import { Luma, until } from './luma.ts';

const deploys = process.env['LUMA_TEST_LONG'] ? 100 : 12;
const clients = 6;
const settleMsMax = 60_000;

/** Each way in which a new revision cannot work: it ends at once, there is no such program, nothing listens. */
const bad = [
  { env_vars: { EXIT_CODE: '3' } },
  { command: ['no-such-program'] },
  { docker_image: 'luma-test/no-such-image' },
] as const;

interface Shown {
  readonly revision: number;
  readonly switch_failure: { readonly code: string } | null;
  readonly traffic: readonly { readonly revision: number; readonly percent: number }[];
  readonly instances: readonly { readonly revision: number; readonly state: string }[];
}

test(
  `${deploys} deploys and rollbacks under load lose no request, and what serves is what the API says`,
  async () => {
    const engine = await withEngine();
    const luma = await Luma.start({ runtime: 'docker', env: { DOCKER_HOST: engine.dockerHost } });
    const random = new SeededRandom(20_240_229);
    const project = '/projects/turns';
    const shown = async (): Promise<Shown> => (await luma.api('GET', project)).json as unknown as Shown;
    const lost: string[] = [];
    let answered = 0;
    let isOver = false;
    const client = async (path: string): Promise<void> => {
      while (!isOver) {
        try {
          const { status, body } = await luma.get('turns.localhost', path);
          if (status === 200) answered += 1;
          else lost.push(`${path}: ${status} ${body}`);
        } catch (error) {
          lost.push(`${path}: ${error}`);
        }
      }
    };
    /** Which revision the app itself says it is, of several askings. */
    const serving = async (): Promise<ReadonlySet<number>> => {
      const answers = await Promise.all(
        Array.from({ length: 4 }, async () => JSON.parse((await luma.get('turns.localhost', '/env')).body)),
      );
      return new Set(
        answers.map((env: { K_REVISION: string }) => Number(/(\d+)$/.exec(env.K_REVISION)?.[1])),
      );
    };
    try {
      await luma.add({ name: 'turns', idle_timeout: 'never', wake_timeout: '15s' });
      expect((await luma.get('turns.localhost')).status).toBe(200);
      const paths = ['/', '/slow?ms=30', '/slow?ms=700'];
      const crowd = Array.from({ length: clients }, (_, n) => client(paths[n % paths.length] ?? '/'));
      let serves = 1;
      const good = [1];
      for (let turn = 1; turn <= deploys; turn++) {
        const kind = random.one(['good', 'good', 'bad', 'rollback'] as const);
        if (kind === 'bad') {
          const before = await shown();
          const { status } = await luma.api('PATCH', project, random.one(bad));
          // One whose image is not there may be refused or fail: it never serves.
          if (status === 200)
            await until('the failure', async () => (await shown()).switch_failure !== null, settleMsMax);
          else expect([status, await shown()]).toEqual([422, before]);
          // Back to what serves, so that the next change is not made on top of what cannot work.
          const back = await luma.api('POST', `${project}/rollback`, { revision: serves });
          expect(back.status).toBe(200);
        } else if (kind === 'rollback') {
          // Only the last ten are kept, those that never worked among them.
          const { json } = await luma.api('GET', `${project}/revisions`);
          const kept = (json['revisions'] as { revision: number }[]).map(({ revision }) => revision);
          const wanted = random.one(good.filter((revision) => kept.includes(revision)));
          const { status } = await luma.api('POST', `${project}/rollback`, { revision: wanted });
          expect(status).toBe(200);
          serves = wanted;
        } else {
          const { status, json } = await luma.api('PATCH', project, { env_vars: { TURN: String(turn) } });
          expect(status).toBe(200);
          serves = Number(json['revision']);
          good.push(serves);
        }
        const isSettled = async (): Promise<boolean> => {
          const { revision, switch_failure: failure, traffic, instances } = await shown();
          const isAlone = instances.every((one) => one.revision === serves && one.state === 'running');
          return revision === serves && failure === null && traffic[0]?.revision === serves && isAlone;
        };
        await until(`revision ${serves} to serve alone after turn ${turn} (${kind})`, isSettled, settleMsMax);
        expect([turn, kind, [...(await serving())]]).toEqual([turn, kind, [serves]]);
      }
      isOver = true;
      await Promise.all(crowd);
      expect(lost).toEqual([]);
      expect(answered).toBeGreaterThan(deploys);
      console.log(`${deploys} deploys and rollbacks, ${answered} requests, ${lost.length} lost`);
    } finally {
      isOver = true;
      await luma.stop();
      await engine.stop();
    }
  },
  deploys * 30_000 + 120_000,
);
