import { expect, test } from 'bun:test';
import { projectSettings } from '../rehearsal/platform.ts';
import { serviceSpec } from './service-spec.ts';

const own = { service: 'app', lanes: null };

test('what a project says about its routes is what the proxy is told', () => {
  const settings = projectSettings({
    ...{ ssl: true, sslRedirect: false, responseTimeoutMs: 5_000, forwardHeaders: true, pathPrefix: '/api' },
  });
  expect(serviceSpec(own, settings, 'forward', [])).toMatchObject({
    tls: { redirect: false, hstsSeconds: 0 },
    responseTimeoutMs: 5_000,
    forwardHeaders: true,
    pathPrefixes: ['/api'],
    stripPathPrefix: false,
  });
});

test('without HTTPS and without a limit the proxy knows of neither', () => {
  const spec = serviceSpec(own, projectSettings({ ssl: false, responseTimeoutMs: null }), 'forward', []);
  expect(spec).toMatchObject({ tls: null, responseTimeoutMs: 0 });
});

test('at the end of the platform a service is stopped, and clients read why', () => {
  const spec = serviceSpec(own, projectSettings({}), 'closing', []);
  expect(spec).toMatchObject({ traffic: 'stopped', stopMessage: expect.stringContaining('shutting down') });
  expect(serviceSpec(own, projectSettings({}), 'stopped', []).stopMessage).toBeUndefined();
});
