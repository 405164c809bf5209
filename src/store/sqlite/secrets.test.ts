import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLumaError, type LumaError } from '../../base/errors.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { Project } from '../../domain/project.ts';
import type { Store } from '../contract.ts';
import { createSqliteStore } from '../index.ts';
import { KeyFile } from '../secrets/key-file.ts';
import { KeyRing } from '../secrets/key-ring.ts';
import { migrate } from '../sql/migrate.ts';
import { migrations } from '../sql/migrations.ts';
import { toProjectRow } from '../sql/project-row.ts';
import { toRevisionRow } from '../sql/revision-row.ts';
import { makeProject } from '../store.contract.ts';
import { SqliteEngine } from './sqlite-engine.ts';

const SECRET = 'correct-horse-battery-staple';
let folder: string;
let path: string;
let keyPath: string;

const open = (keyFile?: string): Promise<Store> =>
  createSqliteStore({ path, clock: new ManualClock(), ...(keyFile ? { keyFile } : {}) });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-secrets-'));
  path = join(folder, 'luma.db');
  keyPath = join(folder, 'luma.key');
});

afterEach(() => rmSync(folder, { recursive: true }));

function withSecret(name: string, value = SECRET): Project {
  const base = makeProject(name);
  return { ...base, settings: { ...base.settings, envVars: { TOKEN: value, EMPTY: '' } } };
}

/** Files of the folder in which the text can be read. */
function filesWith(text: string): string[] {
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name), 'latin1').includes(text));
}

function edit(statement: string): void {
  const database = new Database(path);
  database.run(statement);
  database.close(true);
}

async function refusalOf(promise: Promise<unknown>): Promise<LumaError> {
  const error = await promise.catch((cause: unknown) => cause);
  if (!isLumaError(error)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}

function contents(): Map<string, Buffer> {
  const names = readdirSync(folder).filter((name) => !name.endsWith('-shm'));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

async function makeClosed(keyFile?: string): Promise<void> {
  const store = await open(keyFile);
  await store.insertProject(withSecret('app'));
  const credentials = { kind: 'password', username: 'ops', password: SECRET } as const;
  await store.putRegistry({ host: 'ghcr.io', credentials, updatedAt: 1 });
  await store.close();
}

describe('secrets at rest', () => {
  test('are in no file, neither while the database is open nor afterwards', async () => {
    const store = await open();
    await store.insertProject(withSecret('app'));
    await store.updateProject({ ...withSecret('app'), revision: 2 });
    const credentials = { kind: 'registry_token', token: SECRET } as const;
    await store.putRegistry({ host: 'ghcr.io', credentials, updatedAt: 1 });
    expect(filesWith('TOKEN').length).toBeGreaterThan(0);
    expect(filesWith(SECRET)).toEqual([]);
    await store.close();
    expect(filesWith(SECRET)).toEqual([]);
  });

  test('the key is made at the first start, 32 bytes for its owner alone', async () => {
    await makeClosed();
    expect(statSync(keyPath).mode & 0o777).toBe(0o600);
    expect(statSync(keyPath).size).toBe(32);
    const key = readFileSync(keyPath);
    await (await open()).close();
    expect(readFileSync(keyPath)).toEqual(key);
    expect(readdirSync(folder).toSorted()).toEqual(['luma.db', 'luma.key']);
  });

  test('the key lies where it was told to', async () => {
    const elsewhere = join(folder, 'elsewhere.key');
    await makeClosed(elsewhere);
    expect(existsSync(keyPath)).toBe(false);
    const store = await open(elsewhere);
    expect((await store.getProject('app'))?.settings.envVars['TOKEN']).toBe(SECRET);
    await store.close();
  });

  test('of a database from before are sealed, and swept out of its unused parts', async () => {
    await makeReadable();
    expect(filesWith(SECRET)).toEqual(['luma.db']);
    const store = await open();
    expect(filesWith(SECRET)).toEqual([]);
    expect((await store.getProject('app'))?.settings.envVars['TOKEN']).toBe(SECRET);
    const [revision] = await store.listRevisions('app');
    expect(revision?.settings.envVars['TOKEN']).toBe(SECRET);
    await store.close();
    expect(filesWith(SECRET)).toEqual([]);
  });

  test('are sealed by the next start when the first one died before the sweep', async () => {
    await makeReadable();
    const database = new Database(path);
    const engine = new SqliteEngine(database, path, new ManualClock());
    const ring = new KeyRing(new KeyFile(keyPath));
    ring.load(null, path);
    await migrate(engine, { clock: new ManualClock(), place: path, ring });
    await engine.close();
    expect(filesWith(SECRET)).toEqual(['luma.db']);
    await (await open()).close();
    expect(filesWith(SECRET)).toEqual([]);
  });

  /** As the version before wrote it: readable, with a deleted project among its unused parts. */
  async function makeReadable(): Promise<void> {
    const database = new Database(path);
    database.run(`pragma application_id = ${0x4c75_6d61}`);
    database.run('pragma journal_mode = wal');
    const engine = new SqliteEngine(database, path, new ManualClock());
    const ring = new KeyRing(new KeyFile(join(folder, 'unused.key')));
    const steps = migrations.slice(0, 5);
    await migrate(engine, { clock: new ManualClock(), place: path, ring, steps });
    for (const name of ['app', 'gone']) {
      const project = toProjectRow(withSecret(name), (_place, text) => text);
      const revision = toRevisionRow(withSecret(name), (_place, text) => text);
      await engine.db.insertInto('projects').values(project).execute();
      await engine.db.insertInto('revisions').values(revision).execute();
    }
    await engine.db.deleteFrom('projects').where('name', '=', 'gone').execute();
    await engine.db.deleteFrom('revisions').where('project', '=', 'gone').execute();
    await engine.close();
  }
});

describe('a start', () => {
  test('without the key file is refused, names it, and changes nothing', async () => {
    await makeClosed();
    renameSync(keyPath, join(folder, 'away.key'));
    const before = contents();
    const error = await refusalOf(open());
    expect(error.code).toBe('key_file_missing');
    expect(error.message).toContain(keyPath);
    expect(error.message).toContain(path);
    expect(error.hint).toContain('--key-file');
    expect(contents()).toEqual(before);
    const store = await open(join(folder, 'away.key'));
    expect(await store.listProjects()).toEqual([withSecret('app')]);
    await store.close();
  });

  test('with another key is refused, names both, and changes nothing', async () => {
    await makeClosed();
    writeFileSync(keyPath, Buffer.alloc(32, 7));
    const before = contents();
    const error = await refusalOf(open());
    expect(error.code).toBe('key_file_wrong');
    expect(error.message).toContain(keyPath);
    expect(error.message).toMatch(/holds the key [0-9a-f]{16}, but .* the key [0-9a-f]{16}/);
    expect(contents()).toEqual(before);
  });

  test('with a file that is no key is refused, and changes nothing', async () => {
    await makeClosed();
    writeFileSync(keyPath, 'not a key');
    const before = contents();
    const error = await refusalOf(open());
    expect(error.code).toBe('key_file_unreadable');
    expect(error.message).toContain('it has 9 bytes');
    expect(contents()).toEqual(before);
  });

  test('with a key file that cannot be made is refused', async () => {
    const error = await refusalOf(open(join(folder, 'nowhere', 'luma.key')));
    expect(error.code).toBe('key_file_unwritable');
    expect(error.message).toContain('nowhere');
  });
});

describe('a damaged value', () => {
  test('names the project and the field, and shows no secret', async () => {
    await makeClosed();
    edit(`update projects set settings = json_set(settings, '$.env_vars.TOKEN', 'sealed1:nonsense')`);
    const store = await open();
    const error = await refusalOf(store.listProjects());
    expect(error.code).toBe('store_unreadable');
    expect(error.message).toContain('env_vars.TOKEN of project app');
    expect(JSON.stringify(error)).not.toContain(SECRET);
    await store.close();
  });

  test('that was copied from another place is refused', async () => {
    const store = await open();
    await store.insertProject(withSecret('app'));
    await store.insertProject(withSecret('other', 'other'));
    edit(
      `update projects set settings = (select settings from projects where name = 'app') where name = 'other'`,
    );
    const error = await refusalOf(store.getProject('other'));
    expect(error.message).toContain('env_vars.TOKEN of project other');
    await store.close();
  });

  test('of a registry or a revision names it', async () => {
    await makeClosed();
    edit(`update registries set secret = 'x'`);
    edit(`update revisions set settings = json_set(settings, '$.env_vars.TOKEN', 'plain text')`);
    const store = await open();
    expect((await refusalOf(store.listRegistries())).message).toContain('password of registry ghcr.io');
    expect((await refusalOf(store.listRevisions('app'))).message).toContain(
      'env_vars.TOKEN of revision 1 of project app',
    );
    await store.close();
  });
});

describe('a change of the key', () => {
  test('leaves nothing that the old key opens, in any file', async () => {
    await makeClosed();
    const old = readFileSync(keyPath);
    const oldId = /sealed1:([0-9a-f]{16})/.exec(readFileSync(path, 'latin1'))?.[1] ?? '';
    const store = await open();
    const id = await store.rotateKey();
    expect(id).not.toBe(oldId);
    expect(filesWith(`sealed1:${oldId}`)).toEqual([]);
    await store.close();
    expect(readFileSync(keyPath)).not.toEqual(old);
    expect(readdirSync(folder).toSorted()).toEqual(['luma.db', 'luma.key']);
    writeFileSync(join(folder, 'old.key'), old);
    expect((await refusalOf(open(join(folder, 'old.key')))).code).toBe('key_file_wrong');
    const again = await open();
    expect(await again.listProjects()).toEqual([withSecret('app')]);
    await again.close();
  });

  test('that fails leaves everything as it was, and can be repeated', async () => {
    await makeClosed();
    edit(`update registries set secret = 'damaged'`);
    const before = readFileSync(keyPath);
    const store = await open();
    expect((await refusalOf(store.rotateKey())).message).toContain('registry ghcr.io');
    expect(readFileSync(keyPath)).toEqual(before);
    expect(await store.listProjects()).toEqual([withSecret('app')]);
    await store.removeRegistry('ghcr.io');
    await store.rotateKey();
    expect(await store.listProjects()).toEqual([withSecret('app')]);
    await store.close();
  });

  test('is finished by the next start when it was cut off before the file took its place', async () => {
    await makeClosed();
    const old = readFileSync(keyPath);
    const store = await open();
    await store.rotateKey();
    await store.close();
    renameSync(keyPath, `${keyPath}.new`);
    writeFileSync(keyPath, old);
    const again = await open();
    expect(await again.listProjects()).toEqual([withSecret('app')]);
    await again.close();
    expect(readdirSync(folder).toSorted()).toEqual(['luma.db', 'luma.key']);
  });

  test('that never reached the database is forgotten by the next start', async () => {
    await makeClosed();
    new KeyFile(keyPath).makeNext();
    const store = await open();
    expect(await store.listProjects()).toEqual([withSecret('app')]);
    await store.close();
    expect(existsSync(`${keyPath}.new`)).toBe(false);
  });
});
