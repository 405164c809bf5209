/** Docs that cannot drift: what comes from tables is fresh, links lead somewhere, layers introduce themselves. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { certificateStatesPage } from '../../scripts/certificate-page.ts';
import { withFreshParts } from '../../scripts/readme-parts.ts';
import { instanceStatesPage } from '../../scripts/state-page.ts';

const root = resolve(import.meta.dir, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const hint = 'run: bun scripts/write-docs.ts';

test('docs/states/instance.md is what the state table says', () => {
  expect(read('docs/states/instance.md') === instanceStatesPage() || hint).toBe(true);
});

test('docs/states/certificate.md is what the machine says', () => {
  expect(read('docs/states/certificate.md') === certificateStatesPage() || hint).toBe(true);
});

test('the README has every setting and every command', () => {
  expect(read('README.md') === withFreshParts(read('README.md')) || hint).toBe(true);
});

const globs = ['*.md', 'docs/**/*.md', 'src/**/*.md', 'deploy/**/*.md'];
const pages = globs.flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: root })]).sort();

describe('every link', () => {
  test.each(pages)('in %s leads somewhere', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link = '']) => link);
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    const broken = local.filter((link) => !existsSync(resolve(root, dirname(page), link)));
    expect(broken).toEqual([]);
  });
});

const layers = readdirSync(join(root, 'src'));

describe('every layer', () => {
  test.each(layers)('src/%s has a README of at most 30 lines', (layer) => {
    const lines = read(`src/${layer}/README.md`).trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(30);
  });
});

test('decisions have numbers of their own', () => {
  const numbers = readdirSync(join(root, 'docs/decisions')).map((name) => name.slice(0, 4));
  expect(
    numbers.filter((number, index) => !/^\d{4}$/.test(number) || numbers.indexOf(number) !== index),
  ).toEqual([]);
});
