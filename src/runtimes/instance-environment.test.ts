import { expect, test } from 'bun:test';
import { NO_PROBES } from '../domain/probe.ts';
import { instanceEnvironment } from './instance-environment.ts';

const instance = {
  instanceId: 'i-1',
  project: 'shop',
  revision: 7,
  settings: {
    image: 'shop',
    command: null,
    entrypoint: null,
    workingDir: null,
    envVars: { APP_ENV: 'development', PORT: '1', K_SERVICE: 'forged' },
    containerPort: 80,
    healthCheck: null,
    probes: NO_PROBES,
    stopTimeoutMs: 10_000,
  },
};

test('an instance gets its own variables, and the names Cloud Run gives', () => {
  expect(instanceEnvironment(instance, 80)).toEqual({
    APP_ENV: 'development',
    PORT: '80',
    K_SERVICE: 'shop',
    K_REVISION: 'shop-00007',
    K_CONFIGURATION: 'shop',
    LUMA_SERVICE: 'shop',
    LUMA_REVISION: 'shop-00007',
    LUMA_CONFIGURATION: 'shop',
    LUMA_INSTANCE_ID: 'i-1',
  });
});
