import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Ending, stopDependentsFirst } from './shutdown.ts';

const never = new Promise<void>(() => undefined);
const project = (name: string, ...needs: string[]): Ending => ({
  name,
  keeping: { dependsOn: needs.map((each) => ({ project: each })) },
});

/** Stops that end when they are told to. */
class Stops {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();

  readonly stop = ({ name }: Ending): Promise<void> => {
    this.begun.push(name);
    return new Promise((resolve) => this.#ends.set(name, resolve));
  };

  async end(...names: string[]): Promise<void> {
    for (const name of names) this.#ends.get(name)?.();
    await Bun.sleep(0);
  }
}

test('who depends on others is stopped before them, and those that nobody needs are stopped at once', async () => {
  const all = [project('disk'), project('db', 'disk'), project('web', 'db'), project('cron', 'db', 'disk')];
  const stops = new Stops();
  const stopped = stopDependentsFirst([...all, project('alone')], stops.stop, never);
  await stops.end('alone');
  expect(stops.begun).toEqual(['web', 'cron', 'alone']);
  await stops.end('web');
  expect(stops.begun).toEqual(['web', 'cron', 'alone']);
  await stops.end('cron');
  expect(stops.begun.slice(3)).toEqual(['db']);
  await stops.end('db');
  expect(stops.begun.slice(4)).toEqual(['disk']);
  await stops.end('disk');
  await stopped;
});

test('when patience is over all that is left is stopped at once', async () => {
  const stops = new Stops();
  const over = Promise.withResolvers<void>();
  const all = [project('disk'), project('db', 'disk'), project('web', 'db')];
  const stopped = stopDependentsFirst(all, stops.stop, over.promise);
  over.resolve();
  await stops.end();
  expect(stops.begun).toEqual(['web', 'disk', 'db']);
  await stops.end('disk', 'db', 'web');
  await stopped;
});

test('whoever depends on whom, also on what is not there: each is stopped once, after all that depend on it', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const earlier = fc.array(fc.nat(), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(earlier, { minLength: 6, maxLength: 6 }), async (needs) => {
      const all = names.map((name, at) =>
        project(
          name,
          ...(needs[at] ?? []).map((need) => names[need % (at + 1)] ?? '').filter((n) => n !== name),
        ),
      );
      const ended: string[] = [];
      const stop = async ({ name }: Ending): Promise<void> => {
        const dependents = all.filter(({ keeping }) =>
          keeping.dependsOn.some((need) => need.project === name),
        );
        expect(ended).toEqual(expect.arrayContaining(dependents.map((each) => each.name)));
        await Promise.resolve();
        ended.push(name);
      };
      await stopDependentsFirst([...all, project('x', 'gone')], stop, never);
      expect(ended.toSorted()).toEqual([...names, 'x']);
    }),
  );
});
