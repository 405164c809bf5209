import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLumaError, type LumaError } from '../../base/errors.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { createSqliteStore } from '../index.ts';
import { makeProject, storeContract } from '../store.contract.ts';

storeContract('sqlite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'luma-store-'));
  const open = () => createSqliteStore({ path: join(folder, 'luma.db'), clock: new ManualClock() });
  return { open, reopen: open, dispose: async () => rmSync(folder, { recursive: true }) };
});

describe('the SQLite file', () => {
  let folder: string;
  let path: string;
  const open = () => createSqliteStore({ path, clock: new ManualClock() });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'luma-store-'));
    path = join(folder, 'deep', 'er', 'luma.db');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  async function makeClosed(): Promise<void> {
    const store = await open();
    for (let i = 0; i < 50; i++) await store.insertProject(makeProject(`p${i}`));
    await store.close();
  }

  async function openRefused(): Promise<LumaError> {
    const error = await open().catch((cause: unknown) => cause);
    if (!isLumaError(error)) throw new Error(`expected a refusal, got ${String(error)}`);
    return error;
  }

  function edit(statement: string): void {
    const database = new Database(path);
    database.run(statement);
    database.close(true);
  }

  const modeOf = (file: string): number => statSync(file).mode & 0o777;

  test('is private to its user, with its folder and its companions', async () => {
    const store = await open();
    await store.insertProject(makeProject('app'));
    expect(modeOf(path)).toBe(0o600);
    expect(modeOf(`${path}-wal`)).toBe(0o600);
    expect(modeOf(`${path}-shm`)).toBe(0o600);
    expect(modeOf(join(folder, 'deep'))).toBe(0o700);
    await store.close();
  });

  test('is made private again when somebody opened it up', async () => {
    await makeClosed();
    chmodSync(path, 0o644);
    await (await open()).close();
    expect(modeOf(path)).toBe(0o600);
  });

  test('leaves no journal behind when it is closed', async () => {
    await makeClosed();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  test('is refused, named and kept when it is not a database', async () => {
    await makeClosed();
    writeFileSync(path, 'this was never a database, whatever it is called '.repeat(50));
    const before = readFileSync(path);
    const error = await openRefused();
    expect(error.code).toBe('store_unreadable');
    expect(error.message).toContain(path);
    expect(error.hint).toContain('Restore a backup');
    expect(readFileSync(path)).toEqual(before);
  });

  test('is refused and kept when any page of its tables is damaged', async () => {
    await makeClosed();
    const whole = readFileSync(path);
    let refusedCount = 0;
    for (let at = 4_096; at + 4_096 <= whole.length; at += 4_096) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xa5, at, at + 4_096);
      writeFileSync(path, damaged);
      const outcome = await open().catch((error: unknown) => error);
      if (isLumaError(outcome, 'store_unreadable')) refusedCount++;
      // A page of the events is not looked at: opening is fine then, and every project is there.
      else expect(await (outcome as Awaited<ReturnType<typeof open>>).listProjects()).toHaveLength(50);
      if (isLumaError(outcome)) expect(readFileSync(path)).toEqual(damaged);
      else await (outcome as Awaited<ReturnType<typeof open>>).close();
    }
    expect(refusedCount).toBeGreaterThan(5);
  });

  test('is refused and kept when it was cut short', async () => {
    await makeClosed();
    const half = readFileSync(path).subarray(0, 20_000);
    writeFileSync(path, half);
    expect((await openRefused()).code).toBe('store_unreadable');
    expect(readFileSync(path)).toEqual(Buffer.from(half));
  });

  test('is refused and kept when a newer Luma wrote it', async () => {
    await makeClosed();
    edit("insert into luma_migrations values (99, 'from the future', 0)");
    const error = await openRefused();
    expect(error.code).toBe('store_newer');
    expect(error.message).toContain(path);
    expect(error.details).toMatchObject({ found: 99 });
    edit('delete from luma_migrations where number = 99');
    const store = await open();
    expect(await store.listProjects()).toHaveLength(50);
    await store.close();
  });

  test('is refused and kept when it belongs to another program', async () => {
    path = join(folder, 'other.db');
    edit('create table songs (title text)');
    const before = readFileSync(path);
    const error = await openRefused();
    expect(error.code).toBe('store_unreadable');
    expect(error.message).toContain('another program');
    expect(readFileSync(path)).toEqual(before);
  });

  test('is refused with a reason when its place is not a folder', async () => {
    writeFileSync(join(folder, 'deep'), '');
    const error = await openRefused();
    expect(error.code).toBe('store_unavailable');
    expect(error.message).toContain(path);
  });

  test('names the project whose stored settings were spoilt', async () => {
    await makeClosed();
    edit(`update projects set settings = '{"image":5}' where name = 'p7'`);
    const store = await open();
    const error = await store.listProjects().catch((cause: unknown) => cause);
    expect(isLumaError(error, 'store_unreadable') && error.message).toContain('p7');
    await store.close();
  });

  test('is migrated once when several processes open it at the same moment', async () => {
    const script = `
      import { systemClock } from '${join(import.meta.dir, '../../base/clock.ts')}';
      import { createSqliteStore } from '${join(import.meta.dir, '../index.ts')}';
      const store = await createSqliteStore({ path: ${JSON.stringify(path)}, clock: systemClock });
      console.log(await store.installationId(), await store.nextEpoch());
      await store.close();`;
    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'pipe' }),
    );
    const outputs = await Promise.all(children.map((child) => child.stdout.text()));
    const [ids, epochs] = [0, 1].map((part) => outputs.map((output) => output.trim().split(' ')[part]));
    expect(new Set(ids).size).toBe(1);
    expect(epochs?.toSorted()).toEqual(['1', '2', '3', '4']);
  });
});
