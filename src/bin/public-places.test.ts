import { describe, expect, test } from 'bun:test';
import { loadConfig } from './config/load-config.ts';
import { publicPlaces } from './public-places.ts';

const own = (flags: Record<string, string>) => loadConfig({ flags, env: {}, cwd: '/', home: '/' }).config;

describe('with a proxy of our own', () => {
  test('projects answer on the port it was told', async () => {
    const places = publicPlaces('/nowhere/proxy.sock', own({ http_port: '8080', http_host: '::1' }));
    await places.refresh();
    expect(places.urlOf('a.localhost')).toBe('http://a.localhost:8080');
    expect(places.urlOf('*.localhost')).toBeNull();
    expect(places.urlOf('::1')).toBe('http://[::1]:8080');
    expect(places.proxyUrls()).toEqual(['http://[::1]:8080']);
  });

  test('port 80 needs no saying', () => {
    expect(publicPlaces('/x', own({ http_port: '80' })).urlOf('a.example')).toBe('http://a.example');
  });
});

test('with a proxy that does not answer nobody knows where projects answer', async () => {
  const places = publicPlaces('/nowhere/proxy.sock', null);
  await places.refresh();
  expect([places.urlOf('a.localhost'), places.proxyUrls()]).toEqual([null, []]);
});
