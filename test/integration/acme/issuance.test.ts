/** Certificates from a real CA (Pebble), by a real luma-proxy with two workers: each kind of challenge, and what is asked of each. */
import { afterEach, expect, test } from 'bun:test';
import { statSync } from 'node:fs';
import { Stage } from './stage.ts';

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.dispose();
  stage = undefined;
});

test('a deploy with --ssl says that HTTPS is not there yet, and a moment later it is, by http-01', async () => {
  stage = await Stage.start({ nonceReject: 20 });
  const { uncertified } = await stage.deploy('shop', ['shop.example.com']);
  expect(uncertified.map(({ host, served }) => [host, served])).toEqual([['shop.example.com', false]]);
  const status = await stage.reaches('shop.example.com', 'valid');
  expect(status).toMatchObject({ challenge: 'http-01', service: 'shop', served: true, last_error: null });
  expect((await stage.shown('shop.example.com')).subjectaltname).toBe('DNS:shop.example.com');
  expect(await stage.get('shop.example.com')).toBe('hello');
  expect(stage.files.map((path) => statSync(path).mode & 0o777)).toEqual([0o600]);
  expect((await stage.deploy('shop', ['shop.example.com'])).uncertified).toEqual([]);
});
