import { expect, test } from 'bun:test';
import { Exposition } from '../../telemetry/index.ts';
import { states } from './certificate-machine.fixture.ts';
import { certificateStatus, exposeCertificates } from './certificate-status.ts';

const status = (name: string, nowMs = 0) =>
  certificateStatus(
    { name, service: 's', state: states[name]!, directoryUrl: 'ca', isOnDemand: false },
    nowMs,
  );

test('every state is shown with what is known and what comes next; nothing is shown of what is gone', () => {
  expect(status('gone')).toEqual([]);
  expect(status('backing-off (held)')[0]).toMatchObject({
    state: 'backing-off',
    served: true,
    issuer: 'CA',
    next_try_at: new Date(500).toISOString(),
    last_error: { code: 'acme_dns', message: 'no', at: new Date(1).toISOString() },
  });
  expect(status('wanted')[0]).toMatchObject({
    served: false,
    issuer: null,
    next_try_at: null,
    last_error: null,
  });
});

test('only what is held, wanted and not over is served', () => {
  const served = (name: string, nowMs = 0): boolean | undefined => status(name, nowMs)[0]?.served;
  expect([
    served('valid'),
    served('valid', 900),
    served('renewing'),
    served('retired'),
    served('ordering'),
  ]).toEqual([true, false, true, false, false]);
});

test('Prometheus reads expiry by host, hosts by state, and orders by how they ended', () => {
  const out = new Exposition();
  exposeCertificates(
    out,
    [...status('valid'), ...status('retired'), ...status('wanted')],
    new Map([['issued', 3]]),
  );
  expect(out.text).toContain('luma_proxy_certificate_expiry_seconds{host="valid"} 0.9\n');
  expect(out.text).not.toContain('host="retired"');
  exposeCertificates(out, status('backing-off (held)'), new Map());
  expect(out.text).toContain('luma_proxy_certificate_next_try_seconds{host="backing-off (held)"} 0.5\n');
  expect(out.text).toContain('luma_proxy_certificate_failed{host="backing-off (held)",code="acme_dns"} 1\n');
  expect(out.text).not.toContain('luma_proxy_certificate_failed{host="valid"');
  expect(out.text).toContain('luma_proxy_certificates{state="wanted"} 1\n');
  expect(out.text).toContain('luma_proxy_certificate_orders_total{outcome="issued"} 3\n');
  expect(out.text).toContain('luma_proxy_certificate_orders_total{outcome="failed"} 0\n');
});
