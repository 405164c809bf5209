import { describe, expect, test } from 'bun:test';
import { loadConfig } from './config/load-config.ts';
import { publicPlaces } from './public-places.ts';

const own = (flags: Record<string, string>) => loadConfig({ flags, env: {}, cwd: '/', home: '/' }).config;

describe('with a proxy of our own', () => {
  test('projects answer on the port it was told', async () => {
    const places = publicPlaces('/nowhere/proxy.sock', own({ http_port: '8080', http_host: '::1' }));
    await places.refresh();
    expect(places.urlOf('a.localhost', false)).toBe('http://a.localhost:8080');
    expect(places.urlOf('*.localhost', false)).toBeNull();
    expect(places.urlOf('::1', false)).toBe('http://[::1]:8080');
    expect(places.proxyUrls()).toEqual(['http://[::1]:8080']);
  });

  test('port 80 needs no saying', () => {
    expect(publicPlaces('/x', own({ http_port: '80' })).urlOf('a.example', true)).toBe('http://a.example');
  });
});

test('a project with HTTPS is there where the proxy listens for it', () => {
  const places = publicPlaces('/x', own({ http_port: '80', https_port: '8443' }));
  expect(places.urlOf('a.example', true)).toBe('https://a.example:8443');
  expect(places.urlOf('a.example', false)).toBe('http://a.example');
  expect(publicPlaces('/x', own({ https_port: '443' })).urlOf('a.example', true)).toBe('https://a.example');
  expect(places.proxyUrls()).toEqual(['http://127.0.0.1:80', 'https://127.0.0.1:8443']);
});

test('with a proxy that does not answer nobody knows where projects answer', async () => {
  const places = publicPlaces('/nowhere/proxy.sock', null);
  await places.refresh();
  expect([places.urlOf('a.localhost', false), places.proxyUrls()]).toEqual([null, []]);
});
