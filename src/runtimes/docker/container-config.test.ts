import { describe, expect, test } from 'bun:test';
import { NO_PROBES } from '../../domain/probe.ts';
import type { InstanceSpec } from '../contract.ts';
import { containerConfig } from './container-config.ts';

const instance: InstanceSpec = {
  instanceId: 'i-7f3k',
  project: 'shop',
  revision: 7,
  settings: {
    image: 'nginx:1.27',
    command: null,
    entrypoint: null,
    workingDir: null,
    envVars: { APP_ENV: 'development' },
    containerPort: 80,
    healthCheck: null,
    probes: NO_PROBES,
    stopTimeoutMs: 2_500,
  },
};
const withSettings = (settings: Partial<InstanceSpec['settings']>) =>
  containerConfig('inst-1', { ...instance, settings: { ...instance.settings, ...settings } });

describe('the container of an instance', () => {
  test('carries its owner and its port, joins its sandbox, and has an init and no restart policy', () => {
    const config = containerConfig('inst-1', instance);
    expect(config).toMatchObject({
      name: 'luma-shop-i-7f3k',
      Image: 'nginx:1.27',
      StopTimeout: 3,
      Labels: {
        'luma.installation': 'inst-1',
        'luma.instance': 'i-7f3k',
        'luma.project': 'shop',
        'luma.revision': '7',
        'luma.port': '80',
      },
      HostConfig: {
        Init: true,
        NetworkMode: 'container:luma-sandbox-i-7f3k',
        RestartPolicy: { Name: 'no' },
      },
    });
    // The engine refuses both for a container that joins another one's network.
    expect(config.ExposedPorts).toBeUndefined();
    expect(config.HostConfig?.PortBindings).toBeUndefined();
    expect(config.Env).toContain('APP_ENV=development');
    expect(config.Env).toContain('PORT=80');
    expect(config.Env).toContain('K_REVISION=shop-00007');
  });

  test('keeps what the image says wherever the project says nothing', () => {
    const config = containerConfig('inst-1', instance);
    for (const key of ['Cmd', 'Entrypoint', 'WorkingDir', 'User']) expect(key in config).toBe(false);
  });

  test('takes command, entrypoint and working directory from the project', () => {
    const config = withSettings({ command: ['serve', '--all'], entrypoint: ['/init'], workingDir: '/srv' });
    expect(config).toMatchObject({ Cmd: ['serve', '--all'], Entrypoint: ['/init'], WorkingDir: '/srv' });
  });

  test('listens on 8080 where the project names no port, as on Cloud Run', () => {
    const config = withSettings({ containerPort: null });
    expect(config.Labels).toMatchObject({ 'luma.port': '8080' });
    expect(config.Env).toContain('PORT=8080');
  });
});
