/** A service whose requests are shared out among services, over real sockets. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ServiceRoute } from '../index.ts';
import type { LaneSplit } from '../routing/service-route.ts';
import { answering, EdgeFixture, eventually, SERVICE, targetOn } from './edge.fixture.ts';

const LANE_ROW = 3;
const REQUESTS = 200;

let fixture: EdgeFixture;

beforeEach(() => {
  fixture = new EdgeFixture();
});

afterEach(() => {
  expect(fixture.bugs).toEqual([]);
  for (const row of [1, LANE_ROW]) expect(fixture.totals(row)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ exchanges: 0, held: 0 });
  fixture.close();
});

const sayingOf = (name: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`;

/** The service says `own`, its lane says `lane`. */
async function serve(
  split: Partial<LaneSplit>,
  { own = {}, lane = {} }: { own?: Partial<ServiceRoute>; lane?: Partial<ServiceRoute> } = {},
): Promise<void> {
  const [ownPort, lanePort] = [
    await fixture.upstream(answering(sayingOf('own'))),
    await fixture.upstream(answering(sayingOf('lane'))),
  ];
  const laneSplit = {
    lanes: [{ service: 'app.r2', percent: 20, hosts: [] }],
    stickyCookie: null,
    ownHosts: [],
    ...split,
  };
  fixture.put({
    name: 'app.r2',
    row: LANE_ROW,
    hosts: [],
    targets: [{ ...targetOn(lanePort), id: 'of-lane', row: 4 }],
    ...lane,
  });
  fixture.put({ laneSplit, targets: [{ ...targetOn(ownPort), row: 2 }], ...own });
  fixture.open();
}

async function ask(more = '', host = 'app.test'): Promise<string> {
  const client = await fixture.client();
  client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`);
  return client.untilEnd();
}

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

async function countLane(count: number, more = ''): Promise<number> {
  let lane = 0;
  for (let each = 0; each < count; each++) if (bodyOf(await ask(more)) === 'lane') lane++;
  return lane;
}

describe('a service with lanes', () => {
  test('shares its requests out by their percentages', async () => {
    await serve({});
    const lane = await countLane(REQUESTS);
    expect(lane).toBeGreaterThan(REQUESTS * 0.15);
    expect(lane).toBeLessThan(REQUESTS * 0.25);
    expect(fixture.totals(LANE_ROW).ends).toBe(lane);
    expect(fixture.totals(1).ends).toBe(REQUESTS - lane);
  });

  test('keeps a client with the service it had first, where it says so', async () => {
    await serve({ lanes: [{ service: 'app.r2', percent: 50, hosts: [] }], stickyCookie: 'side' });
    const seen = new Set<string>();
    while (seen.size < 2) {
      const first = await ask();
      const key = /Set-Cookie: side=([^;]+);/.exec(first)?.[1];
      const body = bodyOf(first);
      seen.add(body);
      for (let each = 0; each < 5; each++) {
        const again = await ask(`Cookie: side=${key}\r\n`);
        expect([bodyOf(again), again.includes('Set-Cookie')]).toEqual([body, false]);
      }
    }
  });

  test('sends the hosts of a lane there, and keeps its own', async () => {
    await serve(
      {
        lanes: [{ service: 'app.r2', percent: 0, hosts: ['tag---app.test'] }],
        ownHosts: ['stable---app.test'],
      },
      { own: { hosts: ['app.test', 'stable---app.test', 'tag---app.test'] } },
    );
    expect(bodyOf(await ask())).toBe('own');
    expect(bodyOf(await ask('', 'stable---app.test'))).toBe('own');
    expect(bodyOf(await ask('', 'tag---app.test'))).toBe('lane');
  });

  test('lets a client come back to its instance, whatever the percentages', async () => {
    await serve(
      { lanes: [{ service: 'app.r2', percent: 50, hosts: [] }] },
      { own: { affinityCookie: 'home' }, lane: { affinityCookie: 'home' } },
    );
    for (const wanted of ['own', 'lane']) {
      let first = await ask();
      while (bodyOf(first) !== wanted) first = await ask();
      const cookie = /Set-Cookie: (home=[^;]+);/.exec(first)?.[1];
      for (let each = 0; each < 6; each++) expect(bodyOf(await ask(`Cookie: ${cookie}\r\n`))).toBe(wanted);
    }
  });

  test('serves what belongs to a lane that is not there', async () => {
    await serve({ lanes: [{ service: 'app.r9', percent: 100, hosts: [] }] });
    expect(bodyOf(await ask())).toBe('own');
  });

  test('holds a request of a lane that sleeps at the lane, and wakes that alone', async () => {
    await serve({ lanes: [{ service: 'app.r2', percent: 100, hosts: [] }] });
    fixture.board.closeGate(LANE_ROW);
    fixture.edge.closed('app.r2');
    const answer = ask();
    await eventually(() => fixture.totals(LANE_ROW).held === 1);
    expect(fixture.wakes).toEqual(['app.r2']);
    fixture.board.openGate(LANE_ROW, fixture.generation);
    fixture.edge.opened('app.r2');
    expect(bodyOf(await answer)).toBe('lane');
  });

  test('answers itself whom a lane held that goes', async () => {
    await serve({ lanes: [{ service: 'app.r2', percent: 100, hosts: [] }] });
    fixture.board.closeGate(LANE_ROW);
    fixture.edge.closed('app.r2');
    const answers = [ask(), ask()];
    await eventually(() => fixture.totals(LANE_ROW).held === 2);
    fixture.generation++;
    fixture.edge.apply({ generation: fixture.generation, put: [], remove: ['app.r2'] });
    expect((await Promise.all(answers)).map(bodyOf)).toEqual(['own', 'own']);
  });

  test('answers 404 to whom it held when it goes with its lanes', async () => {
    await serve({ lanes: [{ service: 'app.r2', percent: 100, hosts: [] }] });
    fixture.board.closeGate(LANE_ROW);
    fixture.edge.closed('app.r2');
    const answer = ask();
    await eventually(() => fixture.totals(LANE_ROW).held === 1);
    fixture.generation++;
    fixture.edge.apply({ generation: fixture.generation, put: [], remove: [SERVICE.name, 'app.r2'] });
    expect(await answer).toStartWith('HTTP/1.1 404');
  });
});
