import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { SandboxRegister } from './sandbox-register.ts';

describe('the register of sandboxes', () => {
  test('lets the longest sleeper give its sandbox up first', () => {
    const register = new SandboxRegister(2);
    register.add('slept-at-30', 30);
    register.add('slept-at-10', 10);
    expect(register.hasRoom).toBe(false);
    register.add('waking', null);
    expect(register.dropExcess()).toEqual(['slept-at-10']);
    expect(register.dropExcess()).toEqual([]);
    expect(register.has('slept-at-10')).toBe(false);
    expect(register.has('slept-at-30')).toBe(true);
  });

  test('takes nothing from instances that run, however many they are', () => {
    const register = new SandboxRegister(1);
    for (const id of ['a', 'b', 'c']) register.add(id, null);
    expect(register.dropExcess()).toEqual([]);
    register.noteAsleep('b', 5);
    expect(register.dropExcess()).toEqual(['b']);
    register.noteAsleep('a', 6);
    expect(register.dropExcess()).toEqual(['a']);
    register.noteAsleep('c', 7);
    expect(register.dropExcess()).toEqual([]);
  });

  test('counts a sleep from its first moment, until the instance wakes', () => {
    const register = new SandboxRegister(1);
    register.add('early', null);
    register.noteAsleep('early', 10);
    register.noteAsleep('early', 90);
    register.add('late', 50);
    expect(register.dropExcess()).toEqual(['early']);
    register.noteAwake('late');
    register.noteAsleep('late', 99);
    register.add('other', 60);
    expect(register.dropExcess()).toEqual(['other']);
  });

  test('knows nothing of what was never added', () => {
    const register = new SandboxRegister(1);
    register.noteAsleep('stranger', 1);
    register.noteAwake('stranger');
    expect(register.count).toBe(0);
    expect(register.has('stranger')).toBe(false);
  });

  test('whatever happens: after dropping, no more are left than may be, or than run', () => {
    const id = fc.integer({ min: 0, max: 9 }).map(String);
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), id, at: fc.option(fc.nat(100)) }),
      fc.record({ do: fc.constant('drop' as const), id, at: fc.constant(null) }),
      fc.record({ do: fc.constant('wake' as const), id, at: fc.constant(null) }),
      fc.record({ do: fc.constant('sleep' as const), id, at: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (most, steps) => {
        const register = new SandboxRegister(most);
        const awake = new Set<string>();
        for (const one of steps) {
          if (one.do === 'add') register.add(one.id, one.at);
          if (one.do === 'drop') register.drop(one.id);
          if (one.do === 'wake') register.noteAwake(one.id);
          if (one.do === 'sleep') register.noteAsleep(one.id, one.at);
          const runs = (one.do === 'add' && one.at === null) || (one.do === 'wake' && register.has(one.id));
          if (runs) awake.add(one.id);
          else awake.delete(one.id);
          const before = new Set(register.instanceIds());
          const dropped = register.dropExcess();
          for (const gone of dropped) expect(awake.has(gone)).toBe(false);
          expect(register.count).toBeLessThanOrEqual(Math.max(most, awake.size));
          expect(register.count + dropped.length).toBe(before.size);
        }
      }),
    );
  });
});
