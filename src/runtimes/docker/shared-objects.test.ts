import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isLumaError } from '../../base/errors.ts';
import { readElfNeeds } from './elf.ts';
import { programFiles } from './shared-objects.ts';

describe.if(process.platform === 'linux')('the files a program needs', () => {
  test('are those that its own loader finds', () => {
    const { interpreter, objects } = programFiles(process.execPath);
    expect(interpreter && existsSync(interpreter)).toBe(true);
    const ldd = Bun.spawnSync(['ldd', process.execPath]).stdout.toString();
    const expected = [...ldd.matchAll(/^\s*(\S+) => \//gm)].map((match) => match[1] ?? '');
    expect(expected.length).toBeGreaterThan(0);
    const loader = basename(interpreter ?? '');
    expect([...objects.keys()].filter((name) => name !== loader).sort()).toEqual(expected.sort());
  });

  test('cannot be told of what is no program', () => {
    let failure: unknown;
    try {
      programFiles(import.meta.path);
    } catch (error) {
      failure = error;
    }
    expect(isLumaError(failure, 'hello_image_unsupported')).toBe(true);
  });
});

test('files that are no 64-bit little-endian ELF are not read further', () => {
  const bytes = readFileSync(import.meta.path);
  const read = (from: Uint8Array) => (offset: number, length: number) =>
    from.subarray(offset, offset + length);
  expect(readElfNeeds(read(bytes))).toBeNull();
  expect(readElfNeeds(read(new Uint8Array(3)))).toBeNull();
  const elf32 = new Uint8Array(64);
  elf32.set([0x7f, 0x45, 0x4c, 0x46, 1, 1]);
  expect(readElfNeeds(read(elf32))).toBeNull();
});
