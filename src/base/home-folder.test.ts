import { expect, test } from 'bun:test';
import { homeFolder } from './home-folder.ts';

test('is what the machine says', () => {
  expect(homeFolder(() => '/home/ada')).toBe('/home/ada');
});

test('is the root folder for a user without a home, not an error', () => {
  const ask = (): string => {
    throw new Error('ENOENT: no such file or directory, uv_os_homedir');
  };
  expect(homeFolder(ask)).toBe('/');
});
