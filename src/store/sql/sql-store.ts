/**
 * The store over any SQL database. Owns its engine. Each method is one transaction, and the database
 * alone decides who owns a name or a hostname.
 */
import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { LumaError } from '../../base/errors.ts';
import { Mailbox } from '../../base/mailbox.ts';
import type { SecretKey } from '../../base/sealed-text.ts';
import type { Project } from '../../domain/project.ts';
import type { ProjectEvent, ProjectEventKind } from '../../domain/project-event.ts';
import type { RegistryLogin } from '../../domain/registry.ts';
import { type Revision, revisionsToForget } from '../../domain/revision.ts';
import type { EventQuery, InstanceIntent, InstanceRecord, Store } from '../contract.ts';
import { EVENTS_LISTED_DEFAULT, EVENTS_PER_PROJECT_MAX } from '../limits.ts';
import { hostnameTaken, instanceNotFound, projectExists, projectNotFound } from '../refusals.ts';
import type { KeyRing, Seal } from '../secrets/key-ring.ts';
import { readFact, readKeyId } from './facts.ts';
import { INSTANCE_KEY, makeInstanceKey, readInstanceKey } from './instance-key.ts';
import { SCRUB_DUE } from './migrations.ts';
import { fromProjectRow, toHostnameRows, toProjectRow } from './project-row.ts';
import { fromRegistryRow, toRegistryRow } from './registry-row.ts';
import { resealAll } from './reseal.ts';
import { fromRevisionRow, toRevisionRow } from './revision-row.ts';
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
      return rows.map((row) => ({
        instanceId: row.instance_id,
        project: row.project,
        service: row.service ?? row.project,
        revision: Number(row.revision),
        intent: row.intent,
        createdAt: Number(row.created_at),
      }));
    });
  }

  putInstance(instance: InstanceRecord): Promise<void> {
    // Synced: an instance whose record a power cut took would be nobody's for ever.
    return this.#write('synced', async (trx) => {
      await trx.deleteFrom('instances').where('instance_id', '=', instance.instanceId).execute();
      await trx
        .insertInto('instances')
        .values({
          instance_id: instance.instanceId,
          project: instance.project,
          service: instance.service,
          revision: instance.revision,
          intent: instance.intent,
          created_at: instance.createdAt,
        })
        .execute();
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
    return this.#write('relaxed', async (trx) => {
      const id = await raise(trx, 'event_id');
      await trx
        .insertInto('events')
        .values({ ...event, id, details: JSON.stringify(event.details) })
        .execute();
      await dropOldEvents(trx, event.project);
      return { ...event, id };
    });
  }

  listEvents(project: string, query: EventQuery = {}): Promise<readonly ProjectEvent[]> {
    return this.#read(async (trx) => {
      const { afterId } = query;
      const rows = await trx
        .selectFrom('events')
        .selectAll()
        .where('project', '=', project)
        .$if(afterId !== undefined, (select) => select.where('id', '>', afterId ?? 0))
        .orderBy('id', afterId === undefined ? 'desc' : 'asc')
        .limit(query.limit ?? EVENTS_LISTED_DEFAULT)
        .execute();
      return rows.map(fromEventRow);
    });
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

async function raise(trx: Trx, name: 'epoch' | 'event_id'): Promise<number> {
  await trx
    .updateTable('counters')
    .set((set) => ({ value: set('value', '+', 1) }))
    .where('name', '=', name)
    .execute();
  const row = await trx
    .selectFrom('counters')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return Number(row.value);
}

async function insertHostnames(trx: Trx, project: Project): Promise<void> {
  const rows = toHostnameRows(project);
  if (rows.length > 0) await trx.insertInto('hostnames').values(rows).execute();
}

/** The revision that the settings are, if it is new; and those that are too many now go. */
async function keepRevision(trx: Trx, project: Project, seal: Seal): Promise<void> {
  const { name } = project.settings;
  const rows = await trx.selectFrom('revisions').select('number').where('project', '=', name).execute();
  const known = rows.map(({ number }) => Number(number));
  if (known.includes(project.revision)) {
    await dropRevisions(trx, project, known);
    return;
  }
  await trx.insertInto('revisions').values(toRevisionRow(project, seal)).execute();
  await dropRevisions(trx, project, [...known, project.revision]);
}

async function dropRevisions(trx: Trx, project: Project, known: readonly number[]): Promise<void> {
  const used = [project.revision, ...project.traffic.map((share) => share.revision)];
  const forgotten = revisionsToForget(known, used);
  if (forgotten.length === 0) return;
  await trx
    .deleteFrom('revisions')
    .where('project', '=', project.settings.name)
    .where('number', 'in', forgotten)
    .execute();
}

async function findConflict(trx: Trx, project: Project, isNew: boolean): Promise<LumaError | null> {
  const { name, hostnames } = project.settings;
  if (isNew) {
    const same = await trx.selectFrom('projects').select('name').where('name', '=', name).executeTakeFirst();
    if (same) return projectExists(name);
  }
  if (hostnames.length === 0) return null;
  const taken = await trx
    .selectFrom('hostnames')
    .selectAll()
    .where('hostname', 'in', hostnames)
    .where('project', '!=', name)
    .orderBy('hostname')
    .executeTakeFirst();
  return taken ? hostnameTaken(taken.hostname, taken.project) : null;
}

async function dropOldEvents(trx: Trx, project: string): Promise<void> {
  const oldest = await trx
    .selectFrom('events')
    .select('id')
    .where('project', '=', project)
    .orderBy('id', 'desc')
    .limit(1)
    .offset(EVENTS_PER_PROJECT_MAX)
    .executeTakeFirst();
  if (!oldest) return;
  await trx.deleteFrom('events').where('project', '=', project).where('id', '<=', oldest.id).execute();
}

function fromEventRow(row: Tables['events']): ProjectEvent {
  return {
    id: Number(row.id),
    project: row.project,
    kind: row.kind as ProjectEventKind,
    at: Number(row.at),
    message: row.message,
    details: JSON.parse(row.details) as Record<string, unknown>,
  };
}

function hostnameOf(row: { readonly hostname: string }): string {
  return row.hostname;
}
