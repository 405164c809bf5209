/**
 * The store over any SQL database. Owns its engine. Each method is one transaction, and the database
 * alone decides who owns a name or a hostname.
 */
import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import { Mailbox } from '../../base/mailbox.ts';
import type { SecretKey } from '../../base/sealed-text.ts';
import type { Project } from '../../domain/project.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import type { RegistryLogin } from '../../domain/registry.ts';
import type { Revision } from '../../domain/revision.ts';
import type { EventQuery, InstanceIntent, InstanceRecord, Store } from '../contract.ts';
import { instanceNotFound, projectNotFound } from '../refusals.ts';
import type { KeyRing, Seal } from '../secrets/key-ring.ts';
import { raise } from './counters.ts';
import { appendEvent, listEvents } from './event-log.ts';
import { readFact, readKeyId } from './facts.ts';
import { INSTANCE_KEY, makeInstanceKey, readInstanceKey } from './instance-key.ts';
import { fromInstanceRow, toInstanceRow } from './instance-row.ts';
import { keepRevision } from './kept-revisions.ts';
import { SCRUB_DUE } from './migrations.ts';
import { findConflict } from './name-conflict.ts';
import { fromProjectRow, toHostnameRows, toProjectRow } from './project-row.ts';
import { fromRegistryRow, toRegistryRow } from './registry-row.ts';
import { resealAll } from './reseal.ts';
import { fromRevisionRow } from './revision-row.ts';
import type { Durability, SqlEngine } from './sql-engine.ts';
import type { Tables } from './tables.ts';

/** An owner can vanish between the refusal and the look for its name; then the write is tried again. */
const CONFLICT_TRIES_MAX = 3;

type Trx = Transaction<Tables>;

export class SqlStore implements Store {
  readonly kind: Store['kind'];
  readonly #engine: SqlEngine;
  readonly #ring: KeyRing;
  readonly #rotations = new Mailbox({ name: 'changes of the key' });

  constructor(engine: SqlEngine, ring: KeyRing) {
    this.#engine = engine;
    this.#ring = ring;
    this.kind = engine.kind;
  }

  installationId(): Promise<string> {
    return this.#write('synced', async (trx) => {
      const known = await readFact(trx, 'installation_id');
      if (known !== undefined) return known;
      const made = randomBytes(8).toString('hex');
      await trx.insertInto('facts').values({ name: 'installation_id', value: made }).execute();
      return made;
    });
  }

  nextEpoch(): Promise<number> {
    return this.#write('synced', (trx) => raise(trx, 'epoch'));
  }

  claimFirstStart(): Promise<boolean> {
    return this.#write('synced', async (trx) => {
      if ((await readFact(trx, 'first_start')) !== undefined) return false;
      await trx.insertInto('facts').values({ name: 'first_start', value: 'claimed' }).execute();
      return true;
    });
  }

  listProjects(): Promise<readonly Project[]> {
    return this.#read(async (trx) => {
      const rows = await trx.selectFrom('projects').selectAll().orderBy('name').execute();
      const hostnames = await trx.selectFrom('hostnames').selectAll().orderBy('position').execute();
      const byProject = Map.groupBy(hostnames, (row) => row.project);
      return rows.map((row) =>
        fromProjectRow(row, (byProject.get(row.name) ?? []).map(hostnameOf), this.#ring.unseal),
      );
    });
  }

  getProject(name: string): Promise<Project | null> {
    return this.#read(async (trx) => {
      const row = await trx.selectFrom('projects').selectAll().where('name', '=', name).executeTakeFirst();
      if (!row) return null;
      const hostnames = await trx
        .selectFrom('hostnames')
        .selectAll()
        .where('project', '=', name)
        .orderBy('position')
        .execute();
      return fromProjectRow(row, hostnames.map(hostnameOf), this.#ring.unseal);
    });
  }

  insertProject(project: Project): Promise<void> {
    return this.#writeUnlessTaken(project, true, async (trx) => {
      const seal = await this.#sealer(trx);
      await trx.insertInto('projects').values(toProjectRow(project, seal)).execute();
      await insertHostnames(trx, project);
      await keepRevision(trx, project, seal);
    });
  }

  updateProject(project: Project): Promise<void> {
    const { name } = project.settings;
    return this.#writeUnlessTaken(project, false, async (trx) => {
      const known = await trx
        .selectFrom('projects')
        .select('name')
        .where('name', '=', name)
        .executeTakeFirst();
      if (!known) throw projectNotFound(name);
      const seal = await this.#sealer(trx);
      await trx.updateTable('projects').set(toProjectRow(project, seal)).where('name', '=', name).execute();
      await trx.deleteFrom('hostnames').where('project', '=', name).execute();
      await insertHostnames(trx, project);
      await keepRevision(trx, project, seal);
    });
  }

  deleteProject(name: string): Promise<void> {
    return this.#write('synced', async (trx) => {
      await trx.deleteFrom('projects').where('name', '=', name).execute();
      await trx.deleteFrom('hostnames').where('project', '=', name).execute();
      await trx.deleteFrom('revisions').where('project', '=', name).execute();
      await trx.deleteFrom('events').where('project', '=', name).execute();
    });
  }

  listRevisions(project: string): Promise<readonly Revision[]> {
    return this.#read(async (trx) => {
      const rows = await trx
        .selectFrom('revisions')
        .selectAll()
        .where('project', '=', project)
        .orderBy('number', 'desc')
        .execute();
      return rows.map((row) => fromRevisionRow(row, this.#ring.unseal));
    });
  }

  getRevision(project: string, number: number): Promise<Revision | null> {
    return this.#read(async (trx) => {
      const row = await trx
        .selectFrom('revisions')
        .selectAll()
        .where('project', '=', project)
        .where('number', '=', number)
        .executeTakeFirst();
      return row ? fromRevisionRow(row, this.#ring.unseal) : null;
    });
  }

  pinImage(project: string, number: number, pinnedImage: string): Promise<void> {
    // Synced: after a power cut a tag that moved must not become this revision's image.
    return this.#write('synced', async (trx) => {
      await trx
        .updateTable('revisions')
        .set({ pinned_image: pinnedImage })
        .where('project', '=', project)
        .where('number', '=', number)
        .where('pinned_image', 'is', null)
        .execute();
    });
  }

  listInstances(): Promise<readonly InstanceRecord[]> {
    return this.#read(async (trx) => {
      const rows = await trx.selectFrom('instances').selectAll().orderBy('instance_id').execute();
      return rows.map(fromInstanceRow);
    });
  }

  putInstance(instance: InstanceRecord): Promise<void> {
    // Synced: an instance whose record a power cut took would be nobody's for ever.
    return this.#write('synced', async (trx) => {
      await trx.deleteFrom('instances').where('instance_id', '=', instance.instanceId).execute();
      await trx.insertInto('instances').values(toInstanceRow(instance)).execute();
    });
  }

  setInstanceIntent(instanceId: string, intent: InstanceIntent): Promise<void> {
    // On the path of every wake and sleep. A power cut ends the instances too, so a lost
    // `live` or `stopping` misleads nobody; a removal, once begun, is kept.
    return this.#write(intent === 'removing' ? 'synced' : 'relaxed', async (trx) => {
      const known = await trx
        .selectFrom('instances')
        .select('intent')
        .where('instance_id', '=', instanceId)
        .executeTakeFirst();
      if (!known) throw instanceNotFound(instanceId);
      await trx.updateTable('instances').set({ intent }).where('instance_id', '=', instanceId).execute();
    });
  }

  removeInstance(instanceId: string): Promise<void> {
    // Relaxed: a record that comes back after a power cut names something that is gone, which adoption handles.
    return this.#write('relaxed', async (trx) => {
      await trx.deleteFrom('instances').where('instance_id', '=', instanceId).execute();
    });
  }

  listRegistries(): Promise<readonly RegistryLogin[]> {
    return this.#read(async (trx) => {
      const rows = await trx.selectFrom('registries').selectAll().orderBy('host').execute();
      return rows.map((row) => fromRegistryRow(row, this.#ring.unseal));
    });
  }

  putRegistry(login: RegistryLogin): Promise<void> {
    return this.#write('synced', async (trx) => {
      await trx.deleteFrom('registries').where('host', '=', login.host).execute();
      const row = toRegistryRow(login, await this.#sealer(trx));
      await trx.insertInto('registries').values(row).execute();
    });
  }

  removeRegistry(host: string): Promise<void> {
    return this.#write('synced', async (trx) => {
      await trx.deleteFrom('registries').where('host', '=', host).execute();
    });
  }

  instanceKey(): Promise<SecretKey> {
    return this.#write('synced', async (trx) => {
      const known = await readFact(trx, INSTANCE_KEY);
      if (known !== undefined) return readInstanceKey(known, this.#ring.unseal);
      const { fact, key } = makeInstanceKey(await this.#sealer(trx));
      await trx.insertInto('facts').values(fact).execute();
      return key;
    });
  }

  rotateKey(): Promise<string> {
    return this.#rotations.post(async () => {
      const next = this.#ring.makeNext();
      await this.#write('synced', (trx) => resealAll(trx, this.#ring, next.id));
      this.#ring.promote(next.id);
      await this.scrub();
      return next.id;
    });
  }

  /** Sweeps out of the file what the change of a key, or the first sealing, has replaced; goes on where it was cut off. */
  async scrub(): Promise<void> {
    if (!(await this.#read((trx) => readFact(trx, SCRUB_DUE)))) return;
    await this.#explained(() => this.#engine.scrub());
    await this.#write('synced', async (trx) => {
      await trx.deleteFrom('facts').where('name', '=', SCRUB_DUE).execute();
    });
  }

  appendEvent(event: Omit<ProjectEvent, 'id'>): Promise<ProjectEvent> {
    return this.#write('relaxed', (trx) => appendEvent(trx, event));
  }

  listEvents(project: string, query: EventQuery = {}): Promise<readonly ProjectEvent[]> {
    return this.#read((trx) => listEvents(trx, project, query));
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  /** By the key that counts now: this transaction sees no other. */
  async #sealer(trx: Trx): Promise<Seal> {
    return this.#ring.sealerOf(await readKeyId(trx));
  }

  /** Turns the database's refusal of a key into who has it. */
  async #writeUnlessTaken(
    project: Project,
    isNew: boolean,
    body: (trx: Trx) => Promise<void>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#write('synced', body);
      } catch (error) {
        if (!this.#engine.isUniqueViolation(error)) throw error;
        const refusal = await this.#read((trx) => findConflict(trx, project, isNew));
        if (refusal || attempt === CONFLICT_TRIES_MAX) throw refusal ?? error;
      }
    }
  }

  #write<T>(durability: Durability, body: (trx: Trx) => Promise<T>): Promise<T> {
    return this.#explained(() => this.#engine.write(durability, body));
  }

  #read<T>(body: (trx: Trx) => Promise<T>): Promise<T> {
    return this.#explained(() => this.#engine.read(body));
  }

  async #explained<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw this.#engine.explain(error) ?? error;
    }
  }
}

async function insertHostnames(trx: Trx, project: Project): Promise<void> {
  const rows = toHostnameRows(project);
  if (rows.length > 0) await trx.insertInto('hostnames').values(rows).execute();
}

function hostnameOf(row: { readonly hostname: string }): string {
  return row.hostname;
}
