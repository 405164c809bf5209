/** The suite every store passes: what the contract promises, said once. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { isLumaError } from '../base/errors.ts';
import { NO_PROBES, type Probes } from '../domain/probe.ts';
import type { Project } from '../domain/project.ts';
import type { ProjectEvent } from '../domain/project-event.ts';
import type { RegistryLogin } from '../domain/registry.ts';
import { allTo, revisionSettingsOf } from '../domain/revision.ts';
import type { Store } from './contract.ts';

/** Of every kind, and no number twice within one. */
const everyProbe: Probes = {
  startup: {
    check: { kind: 'exec', command: ['/bin/check', '--now'] },
    ...{ initialDelayMs: 1_000, timeoutMs: 2_000, periodMs: 3_000, failureThreshold: null },
  },
  liveness: {
    check: { kind: 'http_get', path: '/live', port: 9_000, headers: { Host: 'me' } },
    ...{ initialDelayMs: 0, timeoutMs: 100, periodMs: 200, failureThreshold: 5, successThreshold: 1 },
  },
  readiness: {
    check: { kind: 'tcp_socket', port: null },
    ...{ initialDelayMs: 0, timeoutMs: 100, periodMs: 200, failureThreshold: 2, successThreshold: 3 },
  },
};

export function makeProject(name: string, hostnames: readonly string[] = [`${name}.localhost`]): Project {
  return {
    settings: {
      name,
      image: 'nginxdemos/hello',
      command: null,
      entrypoint: ['/bin/sh', '-c', ''],
      workingDir: '/srv',
      envVars: { APP_ENV: 'development', EMPTY: '', TEXT: 'ü\n"quoted"' },
      containerPort: 80,
      healthCheck: { path: '/healthz?full=1', timeoutMs: 5_000 },
      probes: everyProbe,
      stopTimeoutMs: 10_000,
      hostnames,
      idleTimeoutMs: 20_000,
      wakeTimeoutMs: 60_000,
      waitMode: 'page',
      quietRules: [
        {
          path: '/up*',
          methods: ['GET', 'HEAD'],
          userAgent: 'Uptime',
          client: '10.0.0.0/8',
          answer: { status: 204, body: '' },
        },
        {
          path: null,
          methods: null,
          userAgent: 'bot',
          client: null,
          answer: { status: 200, body: 'ü "zz"\\n' },
        },
      ],
      ssl: true,
      sslRedirect: false,
      responseTimeoutMs: null,
      forwardHeaders: true,
      pathPrefix: '/api/ü',
      stickyTraffic: true,
      scaling: {
        minInstances: 1,
        maxInstances: 5,
        concurrency: 10,
        targetUtilization: 0.65,
        freezeAfterMs: 2_500,
        sessionAffinity: true,
      },
      keeping: {
        dependsOn: [{ project: 'db', condition: 'started' }],
        group: 'shop',
        schedules: [
          { cron: '0 8 * * 1-5', timeZone: 'Europe/Berlin', keepAwakeMs: 36_000_000 },
          { cron: '30 7 * * *', timeZone: null, keepAwakeMs: null },
        ],
      },
    },
    wanted: 'active',
    revision: 1,
    traffic: allTo(1),
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
  };
}

export function makeEvent(project: string, message = 'was created'): Omit<ProjectEvent, 'id'> {
  return {
    project,
    kind: 'created',
    at: 1_700_000_000_000,
    message,
    details: { nested: { list: [1, 'two'] } },
  };
}

export interface StoreUnderTest {
  open(): Promise<Store>;
  /** Present where what was written outlives `close`. */
  reopen?(): Promise<Store>;
  dispose(): Promise<void>;
}

export function storeContract(name: string, prepare: () => StoreUnderTest): void {
  describe(`store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: Store;

    beforeEach(async () => {
      under = prepare();
      store = await under.open();
    });

    afterEach(async () => {
      await store.close();
      await under.dispose();
    });

    describe('installation', () => {
      test('has one id for ever, fit for a label', async () => {
        const id = await store.installationId();
        expect(id).toMatch(/^[a-z0-9]{16}$/);
        expect(await store.installationId()).toBe(id);
      });

      test('gives each control plane a higher epoch, also when asked at once', async () => {
        const epochs = await Promise.all(Array.from({ length: 20 }, () => store.nextEpoch()));
        expect(epochs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      });

      test('lets exactly one caller claim the first start', async () => {
        const claims = await Promise.all(Array.from({ length: 5 }, () => store.claimFirstStart()));
        expect(claims.filter(Boolean)).toHaveLength(1);
        expect(await store.claimFirstStart()).toBe(false);
      });
    });

    describe('projects', () => {
      test('come back as they were put in', async () => {
        const project = makeProject('app', ['app.localhost', '*.app.localhost', 'a.example.com']);
        await store.insertProject(project);
        expect(await store.getProject('app')).toEqual(project);
        expect(await store.listProjects()).toEqual([project]);
      });

      test('keep their nulls', async () => {
        const base = makeProject('app');
        const settings = {
          ...base.settings,
          image: null,
          command: ['bun', 'run', ''],
          entrypoint: null,
          workingDir: null,
          envVars: {},
          containerPort: null,
          healthCheck: null,
          probes: NO_PROBES,
          idleTimeoutMs: null,
        };
        await store.insertProject({ ...base, settings });
        expect((await store.getProject('app'))?.settings).toEqual(settings);
      });

      test('are listed by name', async () => {
        for (const name of ['web', 'api', 'a-b', 'a0', 'ab']) await store.insertProject(makeProject(name));
        const names = (await store.listProjects()).map((project) => project.settings.name);
        expect(names).toEqual(['a-b', 'a0', 'ab', 'api', 'web']);
      });

      test('are null when unknown', async () => {
        expect(await store.getProject('nobody')).toBeNull();
        expect(await store.listProjects()).toEqual([]);
      });

      test('are not changed through the object that was put in or handed out', async () => {
        const envVars: Record<string, string> = { A: '1' };
        const base = makeProject('app');
        await store.insertProject({ ...base, settings: { ...base.settings, envVars } });
        envVars['A'] = '2';
        const handedOut = await store.getProject('app');
        (handedOut?.settings.envVars as Record<string, string>)['A'] = '3';
        expect((await store.getProject('app'))?.settings.envVars).toEqual({ A: '1' });
      });

      test('have one name each: the second insert is refused and changes nothing', async () => {
        await store.insertProject(makeProject('app', ['first.localhost']));
        const error = await refusalOf(store.insertProject(makeProject('app', ['second.localhost'])));
        expect(error.code).toBe('project_exists');
        expect((await store.getProject('app'))?.settings.hostnames).toEqual(['first.localhost']);
        await store.insertProject(makeProject('other', ['second.localhost']));
      });

      test('name the owner of a taken hostname and store nothing of the loser', async () => {
        await store.insertProject(makeProject('owner', ['own.localhost', 'also.localhost']));
        const error = await refusalOf(
          store.insertProject(makeProject('late', ['free.localhost', 'also.localhost'])),
        );
        expect(error.code).toBe('hostname_taken');
        expect(error.details).toEqual({ hostname: 'also.localhost', owner: 'owner' });
        expect(await store.getProject('late')).toBeNull();
        await store.insertProject(makeProject('third', ['free.localhost']));
      });

      test('racing for one hostname: exactly one wins', async () => {
        const names = Array.from({ length: 10 }, (_, i) => `p${i}`);
        const outcomes = await Promise.allSettled(
          names.map((name) => store.insertProject(makeProject(name, ['same.localhost']))),
        );
        expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(isLumaError(outcome.reason, 'hostname_taken')).toBe(true);
        }
        expect(await store.listProjects()).toHaveLength(1);
      });

      test('are replaced whole by an update, which may reorder its own hostnames', async () => {
        await store.insertProject(makeProject('app', ['one.localhost', 'two.localhost']));
        const changed: Project = {
          ...makeProject('app', ['two.localhost', 'three.localhost', 'one.localhost']),
          wanted: 'stopped',
          revision: 2,
          updatedAt: 1_700_000_000_500,
        };
        await store.updateProject(changed);
        expect(await store.getProject('app')).toEqual(changed);
      });

      test('free the hostnames an update or a removal gives up', async () => {
        await store.insertProject(makeProject('a', ['one.localhost', 'two.localhost']));
        await store.updateProject(makeProject('a', ['two.localhost']));
        await store.insertProject(makeProject('b', ['one.localhost']));
        await store.deleteProject('a');
        await store.insertProject(makeProject('c', ['two.localhost']));
      });

      test('keep what they had when an update is refused', async () => {
        await store.insertProject(makeProject('a', ['a.localhost']));
        await store.insertProject(makeProject('b', ['b.localhost']));
        const error = await refusalOf(
          store.updateProject(makeProject('b', ['new.localhost', 'a.localhost'])),
        );
        expect(error.code).toBe('hostname_taken');
        expect(error.details).toEqual({ hostname: 'a.localhost', owner: 'a' });
        expect(await store.getProject('b')).toEqual(makeProject('b', ['b.localhost']));
      });

      test('must exist to be updated', async () => {
        const error = await refusalOf(store.updateProject(makeProject('nobody')));
        expect(error.code).toBe('project_not_found');
        expect(await store.listProjects()).toEqual([]);
      });

      test('take their events with them, and leave their instance records', async () => {
        await store.insertProject(makeProject('app'));
        await store.appendEvent(makeEvent('app'));
        await store.putInstance(makeInstance('i-1', 'app'));
        await store.deleteProject('app');
        await store.deleteProject('app');
        expect(await store.getProject('app')).toBeNull();
        expect(await store.listEvents('app')).toEqual([]);
        expect(await store.listInstances()).toEqual([makeInstance('i-1', 'app')]);
      });
    });

    describe('revisions', () => {
      const version = (number: number, image = `app:${number}`): Project => {
        const base = makeProject('app');
        const traffic = allTo(number);
        const settings = { ...base.settings, image };
        return { ...base, settings, revision: number, traffic, updatedAt: base.updatedAt + number };
      };
      const numbers = async (): Promise<number[]> =>
        (await store.listRevisions('app')).map((revision) => revision.number);

      test('come with the project, whole, newest first', async () => {
        await store.insertProject(version(1));
        await store.updateProject(version(2));
        const [newest, first] = await store.listRevisions('app');
        expect(newest).toMatchObject({ project: 'app', number: 2, pinnedImage: null });
        expect(newest?.settings.image).toBe('app:2');
        expect(first).toEqual({
          project: 'app',
          number: 1,
          settings: revisionSettingsOf(version(1).settings),
          pinnedImage: null,
          createdAt: version(1).updatedAt,
        });
        expect(await store.getRevision('app', 1)).toEqual(first!);
        expect(await store.getRevision('app', 3)).toBeNull();
        expect(await store.getRevision('nobody', 1)).toBeNull();
      });

      test('never change, whatever becomes of the project', async () => {
        await store.insertProject(version(1));
        await store.updateProject(version(1, 'another'));
        expect((await store.getRevision('app', 1))?.settings.image).toBe('app:1');
      });

      test('keep the image that their first instance was prepared from', async () => {
        await store.insertProject(version(1));
        await store.pinImage('app', 1, 'app@sha256:1');
        await store.pinImage('app', 1, 'app@sha256:2');
        await store.pinImage('app', 9, 'app@sha256:2');
        await store.updateProject(version(1));
        expect((await store.getRevision('app', 1))?.pinnedImage).toBe('app@sha256:1');
        expect(await numbers()).toEqual([1]);
      });

      test('are ten and no more, beside those that get traffic', async () => {
        await store.insertProject(version(1));
        for (let number = 2; number <= 11; number++) await store.updateProject(version(number));
        expect(await numbers()).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        const traffic = [
          { revision: 12, percent: 90, tag: null, isLatest: true, isProved: true },
          { revision: 2, percent: 10, tag: 'old', isLatest: false, isProved: false },
        ];
        await store.updateProject({ ...version(12), traffic });
        expect(await numbers()).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        expect((await store.getProject('app'))?.traffic).toEqual(traffic);
      });

      test('go with their project, and with no other', async () => {
        await store.insertProject(version(1));
        await store.insertProject(makeProject('other'));
        await store.deleteProject('app');
        expect(await numbers()).toEqual([]);
        expect(await store.listRevisions('other')).toHaveLength(1);
      });
    });

    describe('instances', () => {
      test('are put, change their intent, and are removed', async () => {
        await store.putInstance(makeInstance('i-1', 'app'));
        await store.putInstance(makeInstance('i-2', 'app'));
        await store.setInstanceIntent('i-1', 'stopping');
        expect(await store.listInstances()).toEqual([
          { ...makeInstance('i-1', 'app'), intent: 'stopping' },
          makeInstance('i-2', 'app'),
        ]);
        await store.removeInstance('i-1');
        await store.removeInstance('i-1');
        expect(await store.listInstances()).toEqual([makeInstance('i-2', 'app')]);
      });

      test('are replaced when put again', async () => {
        await store.putInstance(makeInstance('i-1', 'app'));
        const lane = { ...makeInstance('i-1', 'app'), service: 'app.r2', revision: 2 };
        await store.putInstance(lane);
        expect(await store.listInstances()).toEqual([lane]);
      });

      test('must be known to change their intent', async () => {
        const error = await refusalOf(store.setInstanceIntent('i-none', 'removing'));
        expect(error.code).toBe('instance_not_found');
      });
    });

    describe('registries', () => {
      const login = (host: string, password = 'first'): RegistryLogin => ({
        host,
        credentials: { kind: 'password', username: 'ops', password },
        updatedAt: 1_700_000_000_000,
      });

      test('are put, replaced, listed by host, and removed', async () => {
        await store.putRegistry(login('ghcr.io'));
        await store.putRegistry(login('docker.io'));
        await store.putRegistry(login('ghcr.io', 'ü second'));
        expect(await store.listRegistries()).toEqual([login('docker.io'), login('ghcr.io', 'ü second')]);
        await store.removeRegistry('docker.io');
        await store.removeRegistry('docker.io');
        expect(await store.listRegistries()).toEqual([login('ghcr.io', 'ü second')]);
      });

      test('keep tokens as what they are', async () => {
        const logins = (['identity_token', 'registry_token'] as const).map((kind) => ({
          ...login(`${kind.replace('_', '-')}.test`),
          credentials: { kind, token: 'a.b.c' },
        }));
        for (const one of logins) await store.putRegistry(one);
        expect(await store.listRegistries()).toEqual(logins);
      });
    });

    test('a change of the key changes nothing that is kept', async () => {
      await store.insertProject(makeProject('app'));
      await store.putRegistry({
        host: 'ghcr.io',
        credentials: { kind: 'identity_token', token: 't' },
        updatedAt: 1,
      });
      const instanceKey = await store.instanceKey();
      const before = [
        await store.listProjects(),
        await store.listRevisions('app'),
        await store.listRegistries(),
      ];
      const [first, second] = await Promise.all([store.rotateKey(), store.rotateKey()]);
      expect(first).toMatch(/^[0-9a-f]{16}$/);
      expect(second).not.toBe(first);
      const after = [
        await store.listProjects(),
        await store.listRevisions('app'),
        await store.listRegistries(),
      ];
      expect(after).toEqual(before);
      expect(await store.instanceKey()).toEqual(instanceKey);
      await store.updateProject({ ...makeProject('app'), revision: 2 });
      expect((await store.getProject('app'))?.settings).toEqual(makeProject('app').settings);
    });

    describe('events', () => {
      test('get growing ids over all projects and come back whole', async () => {
        const first = await store.appendEvent(makeEvent('a'));
        const second = await store.appendEvent(makeEvent('b'));
        expect(first).toEqual({ ...makeEvent('a'), id: first.id });
        expect(second.id).toBeGreaterThan(first.id);
        expect(await store.listEvents('a')).toEqual([first]);
      });

      test('are listed newest first, and oldest first after an id', async () => {
        const appended: ProjectEvent[] = [];
        for (let i = 0; i < 5; i++) appended.push(await store.appendEvent(makeEvent('app', `event ${i}`)));
        expect(await store.listEvents('app', { limit: 2 })).toEqual(appended.toReversed().slice(0, 2));
        const afterId = appended[1]?.id ?? 0;
        expect(await store.listEvents('app', { afterId })).toEqual(appended.slice(2));
        expect(await store.listEvents('app', { afterId, limit: 2 })).toEqual(appended.slice(2, 4));
        expect(await store.listEvents('app', { afterId: 0 })).toEqual(appended);
      });

      test('are listed a hundred at a time unless asked otherwise', async () => {
        for (let i = 0; i < 101; i++) await store.appendEvent(makeEvent('app'));
        expect(await store.listEvents('app')).toHaveLength(100);
      });

      test('keep the newest thousand of each project', async () => {
        const other = await store.appendEvent(makeEvent('other'));
        const first = await store.appendEvent(makeEvent('app'));
        for (let i = 1; i < 1_000; i++) await store.appendEvent(makeEvent('app'));
        expect(await store.listEvents('app', { limit: 2_000 })).toHaveLength(1_000);
        const last = await store.appendEvent(makeEvent('app'));
        const kept = await store.listEvents('app', { limit: 2_000 });
        expect(kept).toHaveLength(1_000);
        expect(kept[0]).toEqual(last);
        expect(kept.at(-1)?.id).toBe(first.id + 1);
        expect(await store.listEvents('other')).toEqual([other]);
      });

      test('never use an id twice, also after a project was deleted', async () => {
        await store.insertProject(makeProject('app'));
        const last = await store.appendEvent(makeEvent('app'));
        await store.deleteProject('app');
        expect((await store.appendEvent(makeEvent('app'))).id).toBeGreaterThan(last.id);
      });
    });

    test('is whole after everything at once', async () => {
      await Promise.all(
        Array.from({ length: 30 }, async (_, i) => {
          await store.insertProject(makeProject(`p${i}`));
          await store.appendEvent(makeEvent(`p${i}`));
          if (i % 3 === 0) await store.deleteProject(`p${i}`);
          else await store.updateProject({ ...makeProject(`p${i}`), revision: 2 });
        }),
      );
      const projects = await store.listProjects();
      expect(projects).toHaveLength(20);
      expect(projects.every((project) => project.revision === 2)).toBe(true);
    });

    test('remembers everything over a close, where it is meant to', async () => {
      if (!under.reopen) return;
      const id = await store.installationId();
      const epoch = await store.nextEpoch();
      await store.claimFirstStart();
      await store.insertProject(makeProject('app', ['app.localhost', 'b.localhost']));
      await store.putInstance(makeInstance('i-1', 'app'));
      await store.setInstanceIntent('i-1', 'stopping');
      const event = await store.appendEvent(makeEvent('app'));
      await store.close();
      store = await under.reopen();
      expect(await store.installationId()).toBe(id);
      expect(await store.nextEpoch()).toBe(epoch + 1);
      expect(await store.claimFirstStart()).toBe(false);
      expect(await store.listProjects()).toEqual([makeProject('app', ['app.localhost', 'b.localhost'])]);
      expect(await store.listInstances()).toEqual([{ ...makeInstance('i-1', 'app'), intent: 'stopping' }]);
      expect(await store.listEvents('app')).toEqual([event]);
    });

    test('may be closed twice', async () => {
      await store.close();
      await store.close();
    });
  });
}

function makeInstance(instanceId: string, project: string) {
  return {
    ...{ instanceId, project, service: project, revision: 1 },
    ...{ intent: 'live' as const, createdAt: 1_700_000_000_000 },
  };
}

async function refusalOf(promise: Promise<unknown>) {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!isLumaError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome;
}
