import { describe, expect, test } from 'bun:test';
import type { ContainerInspectInfo } from 'dockerode';
import { InstanceNetwork } from './instance-network.ts';
import type { Reachability } from './reachability.ts';
import { networkModeOf } from './sandbox-config.ts';
import type { Sandboxes } from './sandboxes.ts';

const early = '2026-01-02T03:00:00Z';
const late = '2026-01-02T04:00:00Z';
const instanceSince = (StartedAt: string): ContainerInspectInfo =>
  ({
    State: { Status: 'running', StartedAt },
    Config: { Labels: { 'luma.instance': 'i-1', 'luma.port': '80' } },
    HostConfig: { NetworkMode: networkModeOf('i-1') },
  }) as unknown as ContainerInspectInfo;
const sandboxSince = (StartedAt: string): ContainerInspectInfo =>
  ({
    State: { Status: 'running', StartedAt },
    NetworkSettings: {
      Networks: { bridge: { IPAddress: '172.17.0.5' } },
      Ports: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '49153' }] },
    },
  }) as unknown as ContainerInspectInfo;
const networkWhere = (route: 'own' | 'published', accepts: () => boolean): InstanceNetwork => {
  const reachability = { decide: async () => route, accepts: async () => accepts() };
  return new InstanceNetwork(null as unknown as Sandboxes, reachability as unknown as Reachability);
};
const unasked = (): boolean => {
  throw new Error('it was asked without need');
};
const own = { kind: 'at', address: { host: '172.17.0.5', port: 80, readiness: 'connect' } } as const;

describe('an instance', () => {
  test('is where its sandbox is, and nobody need ask there', async () => {
    const network = networkWhere('own', unasked);
    expect(await network.placeWith(instanceSince(late), sandboxSince(early))).toEqual(own);
  });

  test('that looks older than its sandbox, because the clock was set back, is left alone while it accepts', async () => {
    const network = networkWhere('own', () => true);
    expect(await network.placeWith(instanceSince(early), sandboxSince(late))).toEqual(own);
  });

  test('that looks older than its sandbox and does not accept is cut off', async () => {
    const network = networkWhere('own', () => false);
    expect(await network.placeWith(instanceSince(early), sandboxSince(late))).toEqual({ kind: 'cut-off' });
  });

  test('behind a published port is given the benefit of the doubt: something accepts there in any case', async () => {
    const network = networkWhere('published', unasked);
    const place = await network.placeWith(instanceSince(early), sandboxSince(late));
    expect(place).toEqual({ kind: 'at', address: { host: '127.0.0.1', port: 49_153, readiness: 'request' } });
  });

  test('without a sandbox is cut off', async () => {
    const network = networkWhere('own', unasked);
    expect(await network.placeWith(instanceSince(late), null)).toEqual({ kind: 'cut-off' });
  });
});
