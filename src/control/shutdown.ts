/** The order in which the platform's end takes its projects: who depends on others goes before them. Keeps nothing. */

export interface Ending {
  /** Of its project. */
  readonly name: string;
  readonly keeping: { readonly dependsOn: readonly { readonly project: string }[] };
}

/** `patience`: when it is over, nobody waits for the others any more. Resolves when every stop has. */
export async function stopDependentsFirst<E extends Ending>(
  all: readonly E[],
  stop: (one: E) => Promise<void>,
  patience: Promise<void>,
): Promise<void> {
  const dependents = dependentsOf(all);
  const stops = new Map<E, Promise<void>>();
  const stopInTurn = async (one: E, before: readonly E[]): Promise<void> => {
    // Everybody has to be in the map before anybody looks there.
    await Promise.resolve();
    await Promise.race([patience, Promise.all(before.map((each) => stops.get(each)))]);
    await stop(one);
  };
  for (const one of all) {
    const before = dependents.get(one.name) ?? [];
    stops.set(one, before.length === 0 ? stop(one) : stopInTurn(one, before));
  }
  await Promise.all(stops.values());
}

function dependentsOf<E extends Ending>(all: readonly E[]): ReadonlyMap<string, readonly E[]> {
  const dependents = new Map<string, E[]>();
  for (const one of all) {
    for (const { project } of one.keeping.dependsOn) {
      const known = dependents.get(project);
      if (known) known.push(one);
      else dependents.set(project, [one]);
    }
  }
  return dependents;
}
