import { edenGC, fullGC, heapSize } from 'bun:jsc';
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { NOWHERE, Roster } from './roster.ts';

class Guest {
  place = NOWHERE;
  readonly luggage = new Uint8Array(8);
  constructor(readonly name: number) {}
}

class Guests extends Roster<Guest> {
  protected override placeOf({ place }: Guest): number {
    return place;
  }
  protected override setPlace(guest: Guest, place: number): void {
    guest.place = place;
  }
}

const names = (guests: Guests): number[] => {
  const seen: number[] = [];
  guests.each(({ name }) => seen.push(name));
  return seen.toSorted((a, b) => a - b);
};

test('after any comings and goings it has whom a set has', () => {
  const step = fc.record({ name: fc.nat(20), comes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const everybody = Array.from({ length: 21 }, (_, name) => new Guest(name));
      const guests = new Guests();
      const model = new Set<number>();
      for (const { name, comes } of steps) {
        const guest = everybody[name]!;
        if (comes) guests.add(guest);
        else guests.delete(guest);
        if (comes) model.add(name);
        else model.delete(name);
        expect(guests.size).toBe(model.size);
        expect(guests.has(guest)).toBe(comes);
      }
      expect(names(guests)).toEqual([...model].toSorted((a, b) => a - b));
    }),
  );
});

test('nobody is visited who went meanwhile, and nobody is passed over', () => {
  const guests = new Guests();
  const all = Array.from({ length: 10 }, (_, name) => new Guest(name));
  for (const guest of all) guests.add(guest);
  const seen: number[] = [];
  guests.each(({ name }) => {
    seen.push(name);
    guests.delete(all[name]!);
    if (name === 0) guests.delete(all[5]!);
  });
  expect(seen).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9]);
  expect(guests.size).toBe(0);
});

test('a rough visit sees everybody when each goes as it is visited', () => {
  const guests = new Guests();
  for (let name = 0; name < 10; name++) guests.add(new Guest(name));
  const seen: number[] = [];
  guests.eachRoughly((guest) => {
    seen.push(guest.name);
    guests.delete(guest);
  });
  expect(seen.length).toBe(10);
  expect(guests.size).toBe(0);
});

test('who has left is collected with the young', () => {
  const guests = new Guests();
  const here: Guest[] = [];
  const comeAndGo = (): void => {
    for (let count = 0; count < 1_000; count++) {
      const guest = new Guest(count);
      guests.add(guest);
      const left = here[count % 64];
      here[count % 64] = guest;
      if (left !== undefined) guests.delete(left);
    }
  };
  fullGC();
  const before = heapSize();
  for (let round = 0; round < 20; round++) {
    comeAndGo();
    edenGC();
  }
  // Of 20,000 guests; a Set keeps some 1.5 MB here.
  expect(heapSize() - before).toBeLessThan(600_000);
});
