import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { Engine } from './engine.ts';
import type { EngineAddress } from './engine-address.ts';
import { Reachability } from './reachability.ts';

/** Documentation addresses (RFC 5737): no machine has them. */
const nobodysSubnet = '203.0.113.0/24';

let folder: string;
let server: Bun.Server<undefined>;
let asked: string[];
let info: object;
let bridge: Response | object;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-reach-'));
  asked = [];
  info = { OperatingSystem: 'Debian', SecurityOptions: ['name=seccomp'] };
  bridge = { IPAM: { Config: [{ Subnet: nobodysSubnet }] } };
});
afterEach(async () => {
  await server.stop(true);
  rmSync(folder, { recursive: true });
});

function reachability(over: 'socket' | 'tcp' = 'socket'): Reachability {
  const answer = (request: Request): Response => {
    const path = new URL(request.url).pathname;
    asked.push(path);
    const body = path === '/info' ? info : bridge;
    return body instanceof Response ? body : Response.json(body);
  };
  const path = join(folder, 'docker.sock');
  server =
    over === 'socket'
      ? Bun.serve({ unix: path, fetch: answer })
      : Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer });
  const address: EngineAddress =
    over === 'socket'
      ? { kind: 'socket', path }
      : { kind: 'tcp', host: '127.0.0.1', port: server.port ?? 0, tls: null };
  return new Reachability(new Engine(address, systemClock), systemClock);
}

/** A port of this machine where somebody listens, or where nobody does any more. */
function port(isOpen: boolean): { number: number; close: () => void } {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
  const number = listener.port;
  if (!isOpen) listener.stop(true);
  return { number, close: () => listener.stop(true) };
}

describe.if(process.platform === 'linux')('a container is reached', () => {
  test('on its own address when this machine has one in the same subnet', async () => {
    bridge = { IPAM: { Config: [{}, { Subnet: '127.0.0.0/8' }] } };
    const reach = reachability();
    expect(await reach.decide('203.0.113.9', 1)).toBe('own');
  });

  test.each([true, false])('on its own address when that answers (listening: %p)', async (isOpen) => {
    const { number, close } = port(isOpen);
    try {
      expect(await reachability().decide('127.0.0.1', number)).toBe('own');
    } finally {
      close();
    }
  });

  test.each([
    { OperatingSystem: 'Docker Desktop', SecurityOptions: null },
    { OperatingSystem: 'Debian', SecurityOptions: ['name=seccomp', 'name=rootless'] },
  ])('on its published port when it lives behind another network: %p', async (engineInfo) => {
    info = engineInfo;
    bridge = { IPAM: { Config: [{ Subnet: '127.0.0.0/8' }] } };
    expect(await reachability().decide('127.0.0.1', 1)).toBe('published');
  });

  test('on its own address when the engine is asked over TCP, but is a neighbour', async () => {
    bridge = { IPAM: { Config: [{ Subnet: '127.0.0.0/8' }] } };
    expect(await reachability('tcp').decide('203.0.113.9', 1)).toBe('own');
  });

  test('on its published port when the engine is elsewhere, whoever answers at its address here', async () => {
    const { number, close } = port(true);
    try {
      expect(await reachability('tcp').decide('127.0.0.1', number)).toBe('published');
    } finally {
      close();
    }
  });

  test('on its own address also where the engine has no bridge, if that answers', async () => {
    bridge = Response.json({ message: 'network bridge not found' }, { status: 404 });
    const { number, close } = port(true);
    try {
      expect(await reachability().decide('127.0.0.1', number)).toBe('own');
    } finally {
      close();
    }
  });

  test('as was decided once, until that is forgotten', async () => {
    const { number, close } = port(true);
    const reach = reachability();
    try {
      await reach.learn();
      const routes = await Promise.all([
        reach.decide('127.0.0.1', number),
        reach.decide('127.0.0.1', number),
      ]);
      expect(routes).toEqual(['own', 'own']);
    } finally {
      close();
    }
    expect(await reach.decide('203.0.113.9', 1)).toBe('own');
    expect(asked).toEqual(['/info', '/networks/bridge']);
    info = { OperatingSystem: 'Docker Desktop', SecurityOptions: null };
    reach.forget();
    expect(await reach.decide('203.0.113.9', 1)).toBe('published');
  });

  test('as is learnt later when the engine did not answer at first', async () => {
    info = new Response('not yet', { status: 500 });
    const reach = reachability();
    const failure = await reach.learn().catch((error: Error) => error);
    expect(String(failure)).toContain('not yet');
    info = { OperatingSystem: 'Docker Desktop', SecurityOptions: null };
    expect(await reach.decide('203.0.113.9', 1)).toBe('published');
  });
});
