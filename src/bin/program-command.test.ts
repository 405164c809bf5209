import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { programCommand } from './program-command.ts';

test('from source a program is run by the Bun that runs this one', () => {
  const [bun, ...more] = programCommand('luma-proxy');
  expect(bun).toBe(process.execPath);
  expect(more.at(-1)).toBe(join(import.meta.dir, 'luma-proxy.ts'));
});

test('built into one file it is run by itself', () => {
  expect(programCommand('luma-proxy', 'file:///$bunfs/root/luma-proxy')).toEqual([process.execPath]);
});
