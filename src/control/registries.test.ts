import { expect, test } from 'bun:test';
import { LumaError } from '../base/errors.ts';
import { ManualClock } from '../base/manual-clock.ts';
import type { RegistryCredentials } from '../domain/registry.ts';
import { createFailingStore, createMemoryStore, type WriteFate } from '../store/index.ts';
import { Registries } from './registries.ts';

const ops: RegistryCredentials = { kind: 'password', username: 'ops', password: 'secret' };

test('credentials are found by every name of a registry, and shown to nobody', async () => {
  const registries = new Registries(createMemoryStore(), new ManualClock(5_000), {});
  expect(await registries.put('docker.io', ops)).toEqual({
    host: 'docker.io',
    kind: 'password',
    username: 'ops',
    updatedAt: 5_000,
  });
  for (const name of ['docker.io', 'index.docker.io', 'registry-1.docker.io'])
    expect(registries.credentialsFor(name)).toEqual(ops);
  expect(registries.credentialsFor('ghcr.io')).toBeNull();
  expect(JSON.stringify(registries.list())).not.toContain('secret');
});

test('are there again after a restart', async () => {
  const store = createMemoryStore();
  await new Registries(store, new ManualClock(), {}).put('ghcr.io', { kind: 'identity_token', token: 't' });
  const next = new Registries(store, new ManualClock(), {});
  await next.load();
  expect(next.credentialsFor('ghcr.io')).toEqual({ kind: 'identity_token', token: 't' });
  await next.remove('ghcr.io');
  expect(next.credentialsFor('ghcr.io')).toBeNull();
  await expect(next.remove('ghcr.io')).rejects.toMatchObject({ code: 'registry_not_found' });
  expect(await store.listRegistries()).toEqual([]);
});

test('a change that the store refuses changes nothing, and pulls go on with what was known', async () => {
  let fate: WriteFate = 'pass';
  const registries = new Registries(
    createFailingStore(createMemoryStore(), () => fate),
    new ManualClock(),
    {},
  );
  await registries.put('ghcr.io', ops);
  fate = 'refuse';
  const other: RegistryCredentials = { kind: 'registry_token', token: 't' };
  await expect(registries.put('ghcr.io', other)).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(registries.remove('ghcr.io')).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(registries.credentialsFor('ghcr.io')).toEqual(ops);
});

test('what the registry does not take is not stored unless it is not to be asked, and what was known stays', async () => {
  const asked: RegistryCredentials[] = [];
  let refusal: Error | null = null;
  const checkLogin = async (_: string, credentials: RegistryCredentials): Promise<void> => {
    asked.push(credentials);
    if (refusal) throw refusal;
  };
  const registries = new Registries(createMemoryStore(), new ManualClock(), { checkLogin });
  await registries.put('ghcr.io', ops);
  const other: RegistryCredentials = { kind: 'password', username: 'ops', password: 'wrong' };
  refusal = new LumaError('registry_login_denied', 'no');
  await expect(registries.put('ghcr.io', other)).rejects.toBe(refusal);
  expect(registries.credentialsFor('ghcr.io')).toEqual(ops);
  await registries.put('ghcr.io', other, { verify: false });
  expect(registries.credentialsFor('ghcr.io')).toEqual(other);
  expect(asked).toEqual([ops, other]);
});
