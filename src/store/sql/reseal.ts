/** Everything sealed in the database, opened and sealed again with another key, in one transaction. Owns nothing. */
import type { Transaction } from 'kysely';
import type { KeyRing, Seal, Unseal } from '../secrets/key-ring.ts';
import { KEY_ID, readFact, readKeyId } from './facts.ts';
import { INSTANCE_KEY, readInstanceKey, sealInstanceKey } from './instance-key.ts';
import { SCRUB_DUE } from './migrations.ts';
import { placeOf } from './registry-row.ts';
import { openEnvironment, projectPlace, revisionPlace, sealEnvironment } from './sealed-environment.ts';
import type { Tables } from './tables.ts';

type Trx = Transaction<Tables>;
type Reseal = (settings: string, place: readonly string[]) => string;

export async function resealAll(trx: Trx, ring: KeyRing, keyId: string): Promise<void> {
  // A change that was cut off between the commit and the file.
  if ((await readKeyId(trx)) === keyId) return;
  const seal = ring.sealerOf(keyId);
  const reseal: Reseal = (settings, place) => resealed(settings, place, ring.unseal, seal);
  await resealProjects(trx, reseal);
  await resealRevisions(trx, reseal);
  await resealRegistries(trx, ring.unseal, seal);
  await resealFacts(trx, ring.unseal, seal);
  await trx.updateTable('facts').set({ value: keyId }).where('name', '=', KEY_ID).execute();
  await trx.deleteFrom('facts').where('name', '=', SCRUB_DUE).execute();
  await trx.insertInto('facts').values({ name: SCRUB_DUE, value: 'yes' }).execute();
}

async function resealProjects(trx: Trx, reseal: Reseal): Promise<void> {
  for (const { name, settings } of await trx.selectFrom('projects').select(['name', 'settings']).execute()) {
    const update = trx.updateTable('projects').set({ settings: reseal(settings, projectPlace(name)) });
    await update.where('name', '=', name).execute();
  }
}

async function resealRevisions(trx: Trx, reseal: Reseal): Promise<void> {
  const rows = await trx.selectFrom('revisions').select(['project', 'number', 'settings']).execute();
  for (const { project, number, settings } of rows) {
    const place = revisionPlace(project, Number(number));
    const update = trx.updateTable('revisions').set({ settings: reseal(settings, place) });
    await update.where('project', '=', project).where('number', '=', number).execute();
  }
}

async function resealRegistries(trx: Trx, unseal: Unseal, seal: Seal): Promise<void> {
  for (const { host, secret } of await trx.selectFrom('registries').select(['host', 'secret']).execute()) {
    const place = placeOf(host);
    const update = trx.updateTable('registries').set({ secret: seal(place, unseal(place, secret)) });
    await update.where('host', '=', host).execute();
  }
}

async function resealFacts(trx: Trx, unseal: Unseal, seal: Seal): Promise<void> {
  const sealed = await readFact(trx, INSTANCE_KEY);
  if (sealed === undefined) return;
  const value = sealInstanceKey(readInstanceKey(sealed, unseal), seal);
  await trx.updateTable('facts').set({ value }).where('name', '=', INSTANCE_KEY).execute();
}

function resealed(settings: string, place: readonly string[], unseal: Unseal, seal: Seal): string {
  const document = JSON.parse(settings) as { env_vars: Record<string, string> };
  const values = openEnvironment(document.env_vars, place, unseal);
  return JSON.stringify({ ...document, env_vars: sealEnvironment(values, place, seal) });
}
