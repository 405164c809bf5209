import { describe, expect, test } from 'bun:test';
import { DEFAULT_SCALING, DEFAULT_SETTINGS, type Project } from '../../domain/project.ts';
import { allTo } from '../../domain/revision.ts';
import type { ObservedInstance, ObservedState } from '../../runtimes/contract.ts';
import type { InstanceIntent, InstanceRecord } from '../../store/contract.ts';
import { type Adoption, adoptProject } from './adoption.ts';

const project: Project = {
  settings: {
    ...DEFAULT_SETTINGS,
    name: 'app',
    image: 'app',
    containerPort: 80,
    hostnames: ['app.localhost'],
  },
  wanted: 'active',
  traffic: allTo(2),
  revision: 2,
  createdAt: 0,
  updatedAt: 0,
};

const record = (instanceId: string, revision: number, intent: InstanceIntent = 'live'): InstanceRecord => ({
  instanceId,
  project: 'app',
  service: 'app',
  revision,
  intent,
  createdAt: revision,
});

function seen(states: Record<string, ObservedState>): Map<string, ObservedInstance> {
  return new Map(
    Object.entries(states).map(([instanceId, state]) => [
      instanceId,
      {
        instanceId,
        project: 'app',
        revision: 0,
        state,
        ...(state === 'running'
          ? { address: { host: '127.0.0.1', port: 1, readiness: 'connect' } as const }
          : {}),
      },
    ]),
  );
}

function adopt(records: InstanceRecord[], states: Record<string, ObservedState>, of = project): Adoption {
  return adoptProject(of, records, seen(states), () => 'new', { least: 0, most: 1 });
}

describe('one project after a restart', () => {
  test('that keeps instances neither sleeps nor freezes, and one that lies frozen is known as such, to be thawed', () => {
    const scaling = { ...DEFAULT_SCALING, minInstances: 1, freezeAfterMs: 5_000 };
    const keeping = { ...project, settings: { ...project.settings, scaling } };
    const adoptWith = (least: number): Adoption =>
      adoptProject(keeping, [record('b', 2)], seen({ b: 'frozen' }), () => 'new', { least, most: 1 });
    const instances = [{ id: 'b', state: 'frozen' }];
    expect(adoptWith(1).basis).toMatchObject({ sleepy: false, freezes: false, instances });
    expect(adoptWith(0).basis).toMatchObject({ sleepy: true, freezes: true, instances });
  });

  test('that sleeps costs nothing: its instance lies prepared', () => {
    expect(adopt([record('b', 2)], { b: 'exited' })).toMatchObject({
      made: null,
      basis: { current: 'b', candidate: null, instances: [{ id: 'b', state: 'prepared', halt: null }] },
    });
  });

  test('that runs is adopted with its address', () => {
    expect(adopt([record('b', 2)], { b: 'running' }).basis.instances[0]).toMatchObject({
      state: 'starting',
      located: true,
      halt: null,
    });
  });

  test('whose instance is gone gets it prepared again under the same id', () => {
    expect(adopt([record('b', 2)], {}).basis.instances[0]).toMatchObject({ id: 'b', state: 'preparing' });
  });

  test('without any instance gets a new one', () => {
    expect(adopt([], {})).toMatchObject({ made: 'new', basis: { current: 'new', candidate: null } });
  });

  test('whose stop was begun has it finished after what runs there', () => {
    expect(adopt([record('b', 2, 'stopping')], { b: 'running' }).basis.instances[0]).toMatchObject({
      intent: 'stopping',
      halt: { reason: 'stop', drain: 'needed' },
    });
  });

  test('whose stop was begun and has ended keeps the instance', () => {
    expect(adopt([record('b', 2, 'stopping')], { b: 'exited' }).basis.instances[0]).toMatchObject({
      state: 'prepared',
      halt: null,
    });
  });

  test('in the middle of a switch goes on with it: the old one serves, the new one proves itself', () => {
    const { basis } = adopt([record('a', 1), record('b', 2)], { a: 'running', b: 'prepared' });
    expect(basis).toMatchObject({ current: 'a', candidate: 'b' });
  });

  test('in the middle of a switch asleep tries the new one first: it has shown nothing yet', () => {
    const { basis } = adopt([record('a', 1), record('b', 2)], { a: 'exited', b: 'prepared' });
    expect(basis).toMatchObject({ current: 'a', candidate: 'b', verifies: true });
    expect(basis.instances.find((entry) => entry.id === 'a')?.halt).toBeNull();
  });

  test('with the old revision on its way out gets rid of it', () => {
    const records = [record('a', 1, 'removing'), record('b', 2)];
    const { basis } = adopt(records, { a: 'exited', b: 'prepared' });
    expect(basis).toMatchObject({ current: 'b', candidate: null, verifies: false });
    expect(basis.instances.find((entry) => entry.id === 'a')?.halt).toEqual({
      reason: 'retire',
      drain: 'done',
    });
  });

  test('whose newest revision has no instance keeps the one before until it has', () => {
    const { basis, made } = adopt([record('a', 1)], { a: 'exited' });
    expect(made).toBe('new');
    expect(basis).toMatchObject({ current: 'a', candidate: 'new' });
  });

  test('finishes what was to be removed, whether it is still there or not', () => {
    const { basis } = adopt([record('a', 1, 'removing'), record('b', 2)], { b: 'prepared' });
    expect(basis.instances.find((entry) => entry.id === 'a')?.halt?.reason).toBe('retire');
  });

  test('that a person has stopped is stopped again if it runs', () => {
    const { basis } = adopt([record('b', 2)], { b: 'running' }, { ...project, wanted: 'stopped' });
    expect(basis.instances[0]?.halt?.reason).toBe('stop');
  });
});
