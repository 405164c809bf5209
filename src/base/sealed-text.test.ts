import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { newSecretKey, openText, type SecretKey, sealText, secretKey } from './sealed-text.ts';

const key = newSecretKey();
const other = newSecretKey();
const ring =
  (...keys: SecretKey[]) =>
  (id: string) =>
    keys.find((one) => one.id === id);

describe('a sealed text', () => {
  test('comes back whole, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string()), (text, place) => {
        expect(openText(ring(key), place, sealText(key, place, text))).toEqual({ kind: 'opened', text });
      }),
    );
  });

  test('does not open in another place', () => {
    const sealed = sealText(key, ['project', 'a', 'env_vars', 'X'], 'secret');
    expect(openText(ring(key), ['project', 'b', 'env_vars', 'X'], sealed)).toEqual({ kind: 'damaged' });
    expect(openText(ring(key), ['project', 'a', 'env_vars', 'Y'], sealed)).toEqual({ kind: 'damaged' });
    expect(openText(ring(key), ['project', 'a env_vars X'], sealed)).toEqual({ kind: 'damaged' });
  });

  test('names the key it needs when that is another one', () => {
    const sealed = sealText(key, ['a'], 'secret');
    expect(openText(ring(other), ['a'], sealed)).toEqual({ kind: 'other-key', keyId: key.id });
    const forged = sealed.replace(key.id, other.id);
    expect(openText(ring(key, other), ['a'], forged)).toEqual({ kind: 'damaged' });
  });

  test('does not open with any of its bytes changed, nor cut short', () => {
    const sealed = sealText(key, ['a'], 'a secret');
    const [version, id, hidden = ''] = sealed.split(':');
    const bytes = Buffer.from(hidden, 'base64');
    for (let at = 0; at < bytes.byteLength; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      const text = `${version}:${id}:${changed.toString('base64')}`;
      expect(openText(ring(key), ['a'], text)).toEqual({ kind: 'damaged' });
    }
    for (let length = 0; length < sealed.length - 2; length++) {
      expect(openText(ring(key), ['a'], sealed.slice(0, length)).kind).not.toBe('opened');
    }
  });

  test('is damaged when it was never sealed', () => {
    fc.assert(fc.property(fc.string(), (text) => openText(ring(key), [], text).kind === 'damaged'));
  });

  test('never looks the same twice, and shows nothing of the text', () => {
    const sealed = Array.from({ length: 100 }, () => sealText(key, ['a'], 'very-secret'));
    expect(new Set(sealed).size).toBe(100);
    expect(sealed.join().includes('very-secret')).toBe(false);
    expect(sealed.join().includes(Buffer.from('very-secret').toString('base64').slice(0, 10))).toBe(false);
  });
});

test('a key has 32 bytes, and its id is always the same', () => {
  expect(() => secretKey(new Uint8Array(31))).toThrow('32 bytes');
  const bytes = new Uint8Array(32).fill(7);
  expect(secretKey(bytes).id).toBe(secretKey(bytes).id);
  expect(secretKey(bytes).id).toMatch(/^[0-9a-f]{16}$/);
});
