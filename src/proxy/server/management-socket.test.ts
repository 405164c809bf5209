import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SOCKET_PATH_BYTES_MAX } from '../limits.ts';
import { checkSocketPlace, placeSocket } from './management-socket.ts';

let dir: string;
let path: string;
const servers: Bun.Server<undefined>[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'luma-place-'));
  path = join(dir, 'm.sock');
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
  rmSync(dir, { recursive: true, force: true });
});

function place(answer: () => Response) {
  return placeSocket(path, (unix) => {
    const server = Bun.serve({ unix, fetch: answer });
    servers.push(server);
    return server;
  });
}

const ask = async (): Promise<string> => (await fetch('http://luma-proxy/', { unix: path })).text();
const health = { status: 'ok', version: '1', pid: 1 };
const leaving = { type: 'about:blank', title: 'no', status: 503, code: 'handing_over', detail: 'goes' };

describe('a socket that is placed', () => {
  test('answers at its path, for its owner alone, and leaves no other name', async () => {
    place(() => new Response('first'));
    expect(await ask()).toBe('first');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['m.sock']);
  });

  test('says where no socket can be made, and why', () => {
    const refused = (): unknown =>
      placeSocket('/proc/m.sock', (unix) => Bun.serve({ unix, fetch: () => new Response() }));
    expect(refused).toThrow(/no socket can be made in \/proc: /);
  });

  test('takes the place of another one, whose end removes nothing', async () => {
    const first = place(() => new Response('first'));
    const second = place(() => new Response('second'));
    expect([first.isInPlace(), second.isInPlace()]).toEqual([false, true]);
    first.remove();
    await first.server.stop(true);
    expect(await ask()).toBe('second');
    second.remove();
    expect(existsSync(path)).toBe(false);
  });
});

describe('a path for a socket', () => {
  test('may be that of a daemon which hands over, and of nobody else who answers', async () => {
    const first = place(() => Response.json(health));
    await expect(checkSocketPlace(path, '--socket-path')).rejects.toMatchObject({ code: 'socket_in_use' });
    first.server.reload({ fetch: () => Response.json(leaving, { status: 503 }) });
    await checkSocketPlace(path, '--socket-path');
    first.server.reload({ fetch: () => new Response('something else') });
    await expect(checkSocketPlace(path, '--socket-path')).rejects.toMatchObject({ code: 'socket_in_use' });
  });

  test('may be that of a dead one, which stays until the new one is there', async () => {
    const first = place(() => new Response('first'));
    await first.server.stop(true);
    await checkSocketPlace(path, '--socket-path');
    expect(existsSync(path)).toBe(true);
  });

  test('may be as long as the kernel allows, and not longer', async () => {
    const long = (bytes: number): string => {
      const base = join(dir, 'd'.repeat(bytes - dir.length - 10));
      mkdirSync(base, { recursive: true });
      return join(base, 'mm.sock').padEnd(bytes, 'k');
    };
    await checkSocketPlace(long(SOCKET_PATH_BYTES_MAX), '--socket-path');
    await expect(checkSocketPlace(long(SOCKET_PATH_BYTES_MAX + 1), '--socket-path')).rejects.toMatchObject({
      code: 'socket_path_too_long',
    });
  });

  test('is not that of a file', async () => {
    writeFileSync(path, '');
    await expect(checkSocketPlace(path, '--socket-path')).rejects.toMatchObject({
      code: 'socket_path_taken',
    });
  });
});
