/** The files under deploy/ say what their readers understand. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const DEPLOY = resolve(import.meta.dir, '../../deploy');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'luma-units-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** The programs of the units are not installed here: something else that can be executed stands for them. */
function unit(name: string): string {
  const text = readFileSync(join(DEPLOY, name), 'utf8');
  const path = join(dir, name);
  writeFileSync(path, text.replaceAll(/^(ExecStart=)\S+/gm, '$1/bin/true'));
  return path;
}

test('systemd finds nothing wrong with the units', () => {
  const units = [unit('luma-proxy.service'), unit('luma.service')];
  const child = Bun.spawnSync(['systemd-analyze', 'verify', ...units]);
  expect([child.exitCode, child.stderr.toString()]).toEqual([0, '']);
});

test('the compose file runs the image that the script builds', () => {
  const compose = parse(readFileSync(join(DEPLOY, 'compose.yml'), 'utf8'));
  expect(compose.services['luma-proxy']).toMatchObject({ image: 'luma-proxy', network_mode: 'host' });
  expect(compose.services['luma-proxy'].command[0]).toBe('run');
});
