import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readJsonDocument } from './json-document.ts';

const read = (text: string, depthMax = 16) => readJsonDocument(text, depthMax);
const problemsIn = (text: string) => {
  const document = read(text);
  return document.kind === 'bad-keys' ? document.problems.map(({ field, code }) => `${field} ${code}`) : [];
};

describe('a JSON document', () => {
  test('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6, noUnicodeString: false }),
        fc.integer({ min: 0, max: 3 }),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          fc.pre(!text.includes('__proto__'));
          expect(read(text)).toEqual({ kind: 'read', value: JSON.parse(text) });
        },
      ),
    );
  });

  test('never throws, and refuses what JSON.parse refuses', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'a',
      '1',
      ' ',
      '"a"',
      'null',
      '\\u00',
      '\n',
      'é',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        let isJson = true;
        try {
          JSON.parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
          isJson = false;
        }
        expect(read(text, 100).kind === 'broken').toBe(!isJson);
      }),
      { numRuns: 2_000 },
    );
  });

  test('finds a key given twice, wherever it is and however it is written', () => {
    expect(problemsIn('{"a":1,"a":2}')).toEqual(['a duplicate_key']);
    expect(problemsIn('{"a":{"b":[{},{"c":1,"\\u0063":2}]}}')).toEqual(['a.b.1.c duplicate_key']);
    expect(problemsIn('{"a":"a","b":"a"}')).toEqual([]);
    expect(problemsIn('{"a":{"x":1},"b":{"x":1},"c":["x","x"]}')).toEqual([]);
    expect(problemsIn('{"":1,"":2}')).toEqual([' duplicate_key']);
    expect(problemsIn('{"\\"":1,"\\u0022":2}')).toEqual(['" duplicate_key']);
  });

  test('finds __proto__ at any depth, and leaves every prototype alone', () => {
    expect(problemsIn('{"__proto__":{"polluted":1}}')).toEqual(['__proto__ forbidden_key']);
    expect(problemsIn('[{"a":{"\\u005f_proto__":1}}]')).toEqual(['0.a.__proto__ forbidden_key']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('goes as deep as allowed and no deeper', () => {
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(read(nested(16)).kind).toBe('read');
    expect(read(nested(17)).kind).toBe('too-deep');
    expect(read('['.repeat(1_000_000)).kind).toBe('too-deep');
    expect(read(`"${'['.repeat(100)}"`).kind).toBe('read');
  });
});
