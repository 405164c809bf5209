import { expect, test } from 'bun:test';
import { isLumaError } from '../base/errors.ts';
import { checkAddressesDiffer, checkPortIsFree } from './listening-port.ts';

function refusal(which: 'http' | 'api', host: string, port: number): unknown {
  try {
    checkPortIsFree(which, host, port);
    return null;
  } catch (error) {
    return error;
  }
}

test('a port that something listens on is refused by number, with the flag that changes it', () => {
  const other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
  const error = refusal('api', '127.0.0.1', other.port);
  expect(isLumaError(error, 'port_in_use')).toBe(true);
  expect(error).toMatchObject({ message: `port ${other.port} on 127.0.0.1 is in use` });
  expect(isLumaError(error) && error.hint).toContain('--api-port');
  other.stop(true);
  expect(refusal('api', '127.0.0.1', other.port)).toBeNull();
});

test('an address of another machine is refused', () => {
  expect(isLumaError(refusal('http', '192.0.2.1', 8080), 'address_not_available')).toBe(true);
});

test('asking leaves nothing behind: the port can be had at once, and asked for again', () => {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
  const { port } = server;
  server.stop(true);
  for (let turn = 0; turn < 5; turn++) expect(refusal('http', '127.0.0.1', port)).toBeNull();
  const again = Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => {} } });
  expect(again.port).toBe(port);
  again.stop(true);
});

test('proxy and API on one address are a wrong setting, not another program', () => {
  const config = {
    ...{ httpHost: '127.0.0.1', httpPort: 9, httpsPort: null, metricsPort: null },
    ...{ apiHost: '127.0.0.1', apiPort: 9 },
  };
  const wrong = expect.objectContaining({ code: 'config_invalid' });
  expect(() => checkAddressesDiffer(config)).toThrow(wrong);
  expect(() => checkAddressesDiffer({ ...config, httpHost: '0.0.0.0' })).toThrow(wrong);
  expect(() => checkAddressesDiffer({ ...config, apiPort: 10 })).not.toThrow();
  expect(() => checkAddressesDiffer({ ...config, apiHost: '::1' })).not.toThrow();
  expect(() => checkAddressesDiffer({ ...config, apiPort: 10, httpsPort: 9 })).toThrow('the proxy and HTTPS');
  expect(() => checkAddressesDiffer({ ...config, apiPort: 10, metricsPort: 10 })).toThrow(
    'the metrics and the API',
  );
});
