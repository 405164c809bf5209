import { expect, test } from 'bun:test';
import { PORT_FIRST, PORT_LAST } from './limits.ts';
import { choosePort, claimPort, describeHolder, isPortFree } from './ports.ts';

const nobody = (): boolean => false;

function listening(hostname: string, port = 0): { port: number; stop: () => void } {
  const server = Bun.listen({ hostname, port, socket: { data: () => {} } });
  return { port: server.port, stop: () => server.stop(true) };
}

test('a chosen port is free on every address and outside the range of outgoing connections', () => {
  for (const seed of [0, 0.3, 0.999_999_9]) {
    const port = choosePort(nobody, seed);
    expect(port).toBeGreaterThanOrEqual(PORT_FIRST);
    expect(port).toBeLessThanOrEqual(PORT_LAST);
    const server = listening('0.0.0.0', port);
    server.stop();
  }
});

test('a port on which somebody listens on whatever address is not free', () => {
  for (const hostname of ['127.0.0.1', '127.0.0.2', '0.0.0.0']) {
    const { port, stop } = listening(hostname);
    expect([hostname, isPortFree(port)]).toEqual([hostname, false]);
    stop();
    expect([hostname, isPortFree(port)]).toEqual([hostname, true]);
  }
});

test('a taken or reserved port is skipped', () => {
  const wanted = choosePort(nobody, 0.5);
  const { stop } = listening('127.0.0.1', wanted);
  try {
    expect(choosePort(nobody, 0.5)).not.toBe(wanted);
  } finally {
    stop();
  }
  expect(choosePort((port) => port === wanted, 0.5)).not.toBe(wanted);
});

test('says so when every port is taken', () => {
  expect(() => choosePort(() => true, 0)).toThrow(expect.objectContaining({ code: 'port_conflict' }));
});

test('looking at a port leaves nothing behind', () => {
  const port = choosePort(nobody, 0.7);
  for (let round = 0; round < 100; round++) expect(isPortFree(port)).toBe(true);
  const server = listening('127.0.0.1', port);
  server.stop();
});

test('a port that is asked for is refused with the name of its holder', () => {
  const { port, stop } = listening('127.0.0.1');
  try {
    expect(() => claimPort(port)).toThrow(
      expect.objectContaining({
        code: 'port_conflict',
        details: { port },
        message: expect.stringContaining(String(process.pid)),
      }),
    );
    expect(describeHolder(port)).toContain(`(process ${process.pid})`);
  } finally {
    stop();
  }
  expect(claimPort(port)).toBe(port);
  expect(describeHolder(port)).toBe('another program');
});
