import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLumaError } from '../../base/errors.ts';
import { engineAddress, formatEngineAddress } from './engine-address.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the address of the engine', () => {
  test.each([
    ['unix:///run/other.sock', 'unix:///run/other.sock'],
    ['tcp://10.0.0.5:2375', 'tcp://10.0.0.5:2375'],
    ['tcp://engine', 'tcp://engine:2375'],
    ['10.0.0.5:1234', 'tcp://10.0.0.5:1234'],
    ['http://10.0.0.5:2375', 'tcp://10.0.0.5:2375'],
  ])('%s is %s', (text, formatted) => {
    expect(formatEngineAddress(engineAddress({ DOCKER_HOST: text }))).toBe(formatted);
  });

  test('is a socket of this machine where nothing is said', () => {
    for (const env of [{}, { DOCKER_HOST: '' }, { DOCKER_HOST: 'unix://' }]) {
      expect(engineAddress(env)).toMatchObject({
        kind: 'socket',
        path: expect.stringContaining('docker.sock'),
      });
    }
  });

  test.each(['ssh://user@host', 'npipe:////./pipe/docker', 'tcp://', '::'])(
    '%s is refused by name',
    (text) => {
      expect(codeOf({ DOCKER_HOST: text })).toBe('docker_host_invalid');
    },
  );

  test('speaks TLS with the files of DOCKER_CERT_PATH, on the port for it', () => {
    const env = { DOCKER_HOST: 'tcp://engine', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
    expect(codeOf(env)).toBe('docker_host_invalid');
    for (const name of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(folder, name), name);
    expect(engineAddress(env)).toEqual({
      kind: 'tcp',
      host: 'engine',
      port: 2376,
      tls: { ca: Buffer.from('ca.pem'), cert: Buffer.from('cert.pem'), key: Buffer.from('key.pem') },
    });
  });
});

function codeOf(env: Record<string, string>): string {
  try {
    engineAddress(env);
  } catch (error) {
    if (isLumaError(error)) return error.code;
    throw error;
  }
  return 'no error';
}
