import { describe, expect, test } from 'bun:test';
import type { ContainerInspectInfo } from 'dockerode';
import { joinsByName, networkModeOf, sandboxConfig, sandboxOwnerOf } from './sandbox-config.ts';

const owner = { instanceId: 'i-7f3k', project: 'shop', port: 80 };
const inspected = (networkMode: string): ContainerInspectInfo =>
  ({
    Config: { Labels: { 'luma.instance': 'i-7f3k', 'luma.project': 'shop', 'luma.port': '80' } },
    HostConfig: { NetworkMode: networkMode },
  }) as unknown as ContainerInspectInfo;

describe('a sandbox', () => {
  test('keeps the port, the host name and the owner of its instance, whose label it does not carry', () => {
    const config = sandboxConfig('inst-1', owner, 'luma/sandbox:1');
    expect(config).toMatchObject({
      name: 'luma-sandbox-i-7f3k',
      Image: 'luma/sandbox:1',
      Hostname: 'i-7f3k',
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
    });
    expect(config.Labels).toEqual({
      'luma.installation': 'inst-1',
      'luma.sandbox': 'i-7f3k',
      'luma.project': 'shop',
    });
  });

  test('may do next to nothing', () => {
    expect(sandboxConfig('inst-1', owner, 'luma/sandbox:1').HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 64,
      Memory: 32 * 1024 * 1024,
      RestartPolicy: { Name: 'no' },
    });
  });

  test('can be made again from what the container of its instance says', () => {
    expect(sandboxOwnerOf(inspected(networkModeOf('i-7f3k')))).toEqual(owner);
    expect(sandboxOwnerOf(inspected('bridge'))).toBeNull();
  });

  test('is joined when made anew, unless the engine wrote down the id of an earlier one', () => {
    expect(joinsByName(inspected(networkModeOf('i-7f3k')))).toBe(true);
    expect(joinsByName(inspected(`container:${'c'.repeat(64)}`))).toBe(false);
    expect(joinsByName(inspected('bridge'))).toBe(false);
  });
});
