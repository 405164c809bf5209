import { describe, expect, test } from 'bun:test';
import { type ContainerNetwork, instanceAddress } from './instance-address.ts';

const network: ContainerNetwork = {
  networks: { bridge: { IPAddress: '172.17.0.5' } },
  ports: { '9000/tcp': null, '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '49153' }] },
};

describe('the address of an instance', () => {
  test('is its own where that is reachable: there a connection means that the app listens', () => {
    expect(instanceAddress(network, 'own')).toEqual({ host: '172.17.0.5', port: 80, readiness: 'connect' });
  });

  test('is the published port where only that is reachable: there an answer is needed', () => {
    const published = { host: '127.0.0.1', port: 49_153, readiness: 'request' } as const;
    expect(instanceAddress(network, 'published')).toEqual(published);
    expect(instanceAddress({ ...network, networks: { bridge: { IPAddress: '' } } }, 'own')).toEqual(
      published,
    );
  });

  test('is unknown while nothing is published', () => {
    expect(instanceAddress({ ...network, ports: { '80/tcp': null } }, 'own')).toBeNull();
    expect(instanceAddress({ networks: {}, ports: {} }, 'published')).toBeNull();
  });
});
