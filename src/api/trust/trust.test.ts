/** Who may call, over real connections; needs root to try it as another user. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { systemClock } from '../../base/clock.ts';
import { isLumaError } from '../../base/errors.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { type ApiServer, createApiServer } from '../index.ts';
import { ScriptedControl } from '../scripted-control.ts';
import { BrowserGuard } from './browser-guard.ts';
import { PeerGuard } from './peer-guard.ts';
import { findPeerUid, readPeerUid } from './socket-table.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

function startApi(hostname: string, port = 0): Promise<ApiServer> {
  const options = { control: new ScriptedControl(), clock: systemClock, log: silentLog, version: '0.1.0' };
  return createApiServer({ ...options, hostname, port });
}

/** Answers only once the whole request was sent, so that the caller may be gone by then. */
async function curl(uid: number | null, ...args: string[]): Promise<{ status: number; body: string }> {
  const user = uid === null ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const child = Bun.spawn([...user, 'curl', '-s', '-w', '\n%{http_code}', ...args], { stdout: 'pipe' });
  const lines = (await child.stdout.text()).split('\n');
  return { status: Number(lines.pop()), body: lines.join('\n') };
}

describe('the peer', () => {
  for (const host of ['127.0.0.1', '::1']) {
    describe(`on ${host}`, () => {
      let api: ApiServer;
      let url: string;

      beforeEach(async () => {
        api = await startApi(host);
        url = `http://${host.includes(':') ? `[${host}]` : host}:${api.port}`;
      });

      afterEach(() => api.stop());

      test('is let in when it is the user Luma runs as', async () => {
        expect((await curl(null, `${url}/projects`)).status).toBe(200);
      });

      test.if(isRoot && isLinux)('is refused when it is another user, whatever it asks', async () => {
        for (const args of [[`${url}/projects`], ['-X', 'DELETE', `${url}/projects/x`], [`${url}/nothing`]]) {
          const { status, body } = await curl(NOBODY, ...args);
          expect([status, JSON.parse(body).code]).toEqual([403, 'peer_refused']);
          expect(body).toContain('uid 65534');
        }
      });
    });
  }

  test.if(isLinux)('is found when it speaks IPv4 over an IPv6 socket', async () => {
    const api = await startApi('127.0.0.1');
    const url = `http://[::ffff:127.0.0.1]:${api.port}/healthz`;
    const { status } = await curl(null, '-H', `Host: 127.0.0.1:${api.port}`, url);
    expect(status).toBe(200);
    await api.stop();
  });

  test.if(isLinux)('that has closed its socket is nobody, though the kernel then says uid 0', async () => {
    const accepted = Promise.withResolvers<{ remotePort: number }>();
    const server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      allowHalfOpen: true,
      socket: { open: (socket) => accepted.resolve(socket), data() {} },
    });
    const own = { address: '127.0.0.1', port: server.port };
    const client = await Bun.connect({ hostname: '127.0.0.1', port: server.port, socket: { data() {} } });
    const peer = { address: '127.0.0.1', port: (await accepted.promise).remotePort };
    expect(await readPeerUid(peer, own)).toBe(process.getuid?.() ?? -1);
    client.end();
    while ((await readPeerUid(peer, own)) !== null) await Bun.sleep(1);
    server.stop(true);
  });

  test('is refused when its socket cannot be found, or when it is not on this machine', async () => {
    const own = { address: '127.0.0.1', port: 8081 };
    const options = { log: silentLog, platform: 'linux', ownUid: 1_000 } as const;
    const guard = new PeerGuard({ ...options, readUid: async ({ port }) => (port === 1 ? 1_000 : null) });
    await guard.check({ address: '127.0.0.1', port: 1 }, own, {});
    for (const peer of [{ address: '127.0.0.1', port: 2 }, { address: '10.0.0.1', port: 1 }, null]) {
      const error = await guard.check(peer, own, {}).catch((cause: unknown) => cause);
      expect(isLumaError(error, 'peer_refused')).toBe(true);
    }
  });

  test('is looked for once for each connection', async () => {
    let uid = 1_000;
    let lookCount = 0;
    const readUid = async () => {
      lookCount++;
      return uid;
    };
    const guard = new PeerGuard({ log: silentLog, platform: 'linux', ownUid: 1_000, readUid });
    const [peer, own] = [
      { address: '127.0.0.1', port: 1 },
      { address: '127.0.0.1', port: 8081 },
    ];
    const first = {};
    await guard.check(peer, own, first);
    await guard.check(peer, own, first);
    expect(lookCount).toBe(1);
    // The same port, but another connection, of another user.
    uid = 65_534;
    await expect(guard.check(peer, own, {})).rejects.toThrow('uid 65534');
    await guard.check(peer, own, first);
  });

  test('on a system that does not tell is let in from loopback, and the log says so', async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
    const readUid = () => Promise.reject(new Error('there is no such file'));
    const guard = new PeerGuard({ log, platform: 'darwin', readUid, ownUid: 501 });
    await guard.check({ address: '::1', port: 5 }, { address: '::1', port: 8081 }, {});
    expect(warnings).toHaveLength(1);
    const far = guard.check({ address: '192.168.1.7', port: 5 }, { address: '192.168.1.1', port: 8081 }, {});
    await expect(far).rejects.toThrow('another machine');
  });
});

describe('the table of sockets', () => {
  // A listener, the server's end, the client's end (uid 1000), a closed client's end, and its IPv6 kind.
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0',
    '   1: 0100007F:1F91 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0',
    '   2: 0100007F:C000 0100007F:1F91 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0',
    '   3: 0100007F:C001 0100007F:1F91 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0',
    '   4: 0000000000000000FFFF00000100007F:C002 0000000000000000FFFF00000100007F:1F91 01 00000000:00000000 00:00000000 00000000  1002        0 444 1 0',
    '   5: 00000000000000000000000001000000:C003 00000000000000000000000001000000:1F91 01 00000000:00000000 00:00000000 00000000  1003        0 555 1 0',
  ].join('\n');
  const own = { address: '127.0.0.1', port: 0x1f91 };
  const uidOf = (port: number) => findPeerUid(table, { address: '127.0.0.1', port }, own);

  test("names the owner of the client's end, not of the server's", () => expect(uidOf(0xc000)).toBe(1_000));
  test('believes nothing of a socket without an owner', () => expect(uidOf(0xc001)).toBeNull());
  test('knows a mapped address', () => expect(uidOf(0xc002)).toBe(1_002));
  test('knows no other port', () => expect(uidOf(0xc0ff)).toBeNull());
  test('knows IPv6', () => {
    expect(findPeerUid(table, { address: '::1', port: 0xc003 }, { address: '::1', port: 0x1f91 })).toBe(
      1_003,
    );
  });
});

describe('the browser', () => {
  const guard = new BrowserGuard(8081);
  const check = (headers: Record<string, string>) => () => guard.check(new Headers(headers));

  test('may come from the API itself, by each of its names', () => {
    for (const host of ['localhost:8081', '127.0.0.1:8081', '[::1]:8081', 'LOCALHOST:8081']) {
      check({ Host: host })();
      const origin = `http://${host.toLowerCase()}`;
      check({ Host: host, Origin: origin, 'Sec-Fetch-Site': 'same-origin' })();
      check({ Host: host, 'Sec-Fetch-Site': 'none' })();
    }
  });

  test('may not come from one of its names to another', () => {
    expect(check({ Host: 'localhost:8081', Origin: 'http://127.0.0.1:8081' })).toThrow('other web pages');
  });

  test('must name a host', () => expect(check({})).toThrow('does not answer to the host'));

  test('may leave out port 80', () => {
    new BrowserGuard(80).check(new Headers({ Host: '[::1]' }));
    expect(check({ Host: 'localhost' })).toThrow('does not answer to the host');
  });
});

describe('the listener', () => {
  test('refuses to listen beyond loopback, naming the flag', async () => {
    for (const hostname of ['0.0.0.0', '::', '192.168.1.5', 'example.com', '']) {
      const error = await startApi(hostname).catch((cause: unknown) => cause);
      expect(isLumaError(error, 'api_not_loopback') && error.fields[0]?.field).toBe('--api-host');
    }
  });

  test('says so when its port is taken, naming the flag', async () => {
    const first = await startApi('127.0.0.1');
    const error = await startApi('127.0.0.1', first.port).catch((cause: unknown) => cause);
    expect(isLumaError(error, 'port_in_use') && error.message).toContain(String(first.port));
    expect(isLumaError(error) && error.fields[0]?.field).toBe('--api-port');
    await first.stop();
  });
});
