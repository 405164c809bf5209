import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { splitShellWords } from './shell-words.ts';

test.each([
  ['', []],
  ['  \t\n ', []],
  ['node server.js', ['node', 'server.js']],
  ['sh -c \'exec node "$1"\' x', ['sh', '-c', 'exec node "$1"', 'x']],
  ['a "b c" d\\ e', ['a', 'b c', 'd e']],
  ['"" \'\'', ['', '']],
  ['a"b"\'c\'d', ['abcd']],
  ['"\\"\\\\\\n\\$"', ['"\\\\n$']],
  ['$HOME *', ['$HOME', '*']],
])('%p is %p', (text, words) => {
  expect(splitShellWords(text)).toEqual(words);
});

test.each(["'", '"', 'a "b', "a 'b", 'a\\', '"a\\'])('%p is not finished', (text) => {
  expect(splitShellWords(text)).toBeNull();
});

test('gives back any words that were quoted', () => {
  const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      expect(splitShellWords(words.map(quote).join(' '))).toEqual(words);
    }),
  );
});

test('agrees with the shell', () => {
  const texts = fc.stringMatching(/^[ab'"\\ ]{0,12}$/);
  fc.assert(
    fc.property(texts, (text) => {
      const words = splitShellWords(text);
      if (words === null) return;
      const done = Bun.spawnSync(['sh', '-c', `for w in ${text}\ndo printf '%s\\0' "$w"; done`]);
      expect(done.stdout.toString().split('\0').slice(0, -1)).toEqual([...words]);
    }),
    { numRuns: 150 },
  );
});
