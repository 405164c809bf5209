/**
 * kill -9 at random moments of commands: what is in force after a restart is what the last command that was answered
 * made, or the one under way, whole. Every third time the workers die too, and only the file is left.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ProxyClient, ServiceStatus } from '../../../src/proxy/client/index.ts';
import { App, ProxyFixture } from './proxy-fixture.ts';

const isLong = process.env['LUMA_TEST_LONG'] === '1';
const COMMANDS = isLong ? 200 : 30;
/** A command takes some milliseconds, most of them for the disk. */
const LATEST_KILL_MS = 25;

let proxy: ProxyFixture;
let apps: readonly App[];
beforeAll(async () => {
  proxy = new ProxyFixture();
  apps = [new App('one'), new App('two')];
  await proxy.start({ workers: 2 });
});
afterAll(async () => {
  for (const app of apps) await app.stop();
  await proxy.dispose();
});

/** What a command can change, whole. */
interface Facts {
  readonly hosts: readonly string[];
  readonly address: string;
  readonly responseTimeoutMs: number;
  readonly traffic: string;
}

interface Command {
  readonly text: string;
  readonly next: (now: Facts | null) => Facts | null;
  readonly run: (client: ProxyClient) => Promise<unknown>;
}

function chooseCommand(round: number, random: () => number, now: Facts | null): Command {
  const dice = now ? random() : 0;
  if (dice < 0.6) return deploy(round);
  if (dice < 0.7) {
    return {
      text: 'pause',
      next: (facts) => facts && { ...facts, traffic: `paused ${1_000 + round}` },
      run: (client) => client.pause('shop', { max_pause_ms: 1_000 + round }),
    };
  }
  if (dice < 0.8) {
    return {
      text: 'stop',
      next: (facts) => facts && { ...facts, traffic: `stopped ${round}` },
      run: (client) => client.stop('shop', { message: String(round) }),
    };
  }
  if (dice < 0.9) {
    return {
      text: 'resume',
      next: (facts) => facts && { ...facts, traffic: 'forward' },
      run: (client) => client.resume('shop'),
    };
  }
  return { text: 'remove', next: () => null, run: (client) => client.remove('shop') };
}

/** All parts carry the round, so a mixture of two cannot look like one. */
function deploy(round: number): Command {
  const facts = {
    hosts: [`a${round}.test`, `b${round}.test`],
    address: `127.0.0.1:${apps[round % 2]!.port}`,
    responseTimeoutMs: 10_000 + round,
  };
  return {
    text: 'deploy',
    next: (now) => ({ ...facts, traffic: now?.traffic ?? 'forward' }),
    run: (client) =>
      client.deploy('shop', {
        hosts: facts.hosts,
        targets: [facts.address],
        response_timeout_ms: facts.responseTimeoutMs,
      }),
  };
}

function factsOf(service: ServiceStatus | undefined): Facts | null {
  if (!service) return null;
  const { deployment, hosts, traffic } = service;
  const current = service.targets.filter(({ state }) => state !== 'draining');
  const said = deployment?.max_pause_ms ?? deployment?.stop_message;
  return {
    hosts,
    address: current.map(({ address }) => address).join(),
    responseTimeoutMs: deployment?.response_timeout_ms ?? -1,
    traffic: typeof said === 'undefined' || said === null ? traffic : `${traffic} ${said}`,
  };
}

/** https://en.wikipedia.org/wiki/Linear_congruential_generator: the same moments in every run of a seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test(
  `the daemon is killed during ${COMMANDS} commands`,
  async () => {
    const seed = Number(process.env['LUMA_TEST_SEED'] ?? Math.trunc(performance.timeOrigin) % 1_000_000);
    const random = randomFrom(seed);
    let now: Facts | null = null;
    let answeredCount = 0;
    for (let round = 0; round < COMMANDS; round++) {
      const command = chooseCommand(round, random, now);
      const isEverything = round % 3 === 2;
      const pids = isEverything ? proxy.workerPids : [];
      const outcome = command.run(proxy.client).then(
        () => true,
        () => false,
      );
      // However slow the machine is, some commands must have been answered before the kill.
      if (round % 5 === 0) await outcome;
      else await Bun.sleep(random() * LATEST_KILL_MS);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await proxy.signal('SIGKILL');
      const isAnswered = await outcome;
      if (isAnswered) answeredCount += 1;
      await proxy.start({ workers: 2, port: proxy.port });
      const found = factsOf((await proxy.client.listServices())[0]);
      const then = command.next(now);
      const allowed = isAnswered ? [then] : [now, then];
      expect({ seed, round, command: command.text, isAnswered, isEverything, found, allowed }).toSatisfy(() =>
        allowed.some((facts) => Bun.deepEquals(facts, found)),
      );
      if (found?.traffic === 'forward') {
        const answer = await proxy.get(found.hosts[1]!);
        expect([answer.status, await answer.text()]).toEqual([200, nameAt(found.address)]);
      }
      now = found;
    }
    // Were every command cut short, or none, this would show little.
    expect(answeredCount).toBeGreaterThan(0);
    expect(answeredCount).toBeLessThan(COMMANDS);
  },
  COMMANDS * 6_000,
);

function nameAt(address: string): string {
  return apps.find((app) => address.endsWith(`:${app.port}`))!.name;
}
