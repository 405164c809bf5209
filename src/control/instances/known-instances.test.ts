import { beforeEach, describe, expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import type { Project } from '../../domain/project.ts';
import { allTo } from '../../domain/revision.ts';
import {
  type InstanceEntry,
  initialState,
  newInstance,
  type ProjectState,
} from '../projects/project-state.ts';
import { projectSettings } from '../rehearsal/platform.ts';
import { KnownInstances } from './known-instances.ts';

const project: Project = {
  settings: projectSettings({ image: 'app:1' }),
  ...{ wanted: 'active', revision: 1, traffic: allTo(1), createdAt: 0, updatedAt: 0 },
};

function stateOf(...instances: InstanceEntry[]): ProjectState {
  return initialState({
    ...{ wanted: 'active', sleepy: true, freezes: false, current: 'a', candidate: null, verifies: false },
    ...{ least: 0, most: 1, seed: 's', lineup: [{ revision: 1, percent: 100 }], nextLineup: null },
    instances,
  });
}

const running: InstanceEntry = { ...newInstance('a', 1), state: 'running' };

describe('what is known of instances', () => {
  let clock: ManualClock;
  let told: string[];
  let known: KnownInstances;

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    const onInstance = (id: string, isThere: boolean): void =>
      void told.push(`${id} ${isThere ? 'came' : 'went'}`);
    const onSuspect = (id: string): void => void told.push(`${id} is suspect`);
    known = new KnownInstances({ clock, onInstance, onSuspect }, project);
  });

  test('begins when the machine names one, and ends when it names it no more', () => {
    known.onChange(stateOf(), stateOf(running));
    expect(known.facts.get('a')).toMatchObject({ revision: 1, isRecorded: false, address: null });
    known.onChange(stateOf(running), stateOf());
    expect([told, known.facts.size]).toEqual([['a came', 'a went'], 0]);
  });

  test('a step that changes its state or its call is a change with a time, another is none', async () => {
    const facts = known.meet(running, 5, null);
    expect(facts).toMatchObject({ isRecorded: true, createdAt: 5, since: 5, changes: 0 });
    await clock.advance(1_000);
    known.onChange(stateOf(running), stateOf({ ...running, isReady: false }));
    expect(facts).toMatchObject({ since: 5, changes: 0 });
    known.onChange(stateOf(running), stateOf({ ...running, call: 'stop' }));
    expect(facts).toMatchObject({ since: 5, changes: 1 });
    known.onChange(stateOf(running), stateOf({ ...running, state: 'stopping' }));
    expect(facts).toMatchObject({ since: clock.now(), changes: 2 });
  });

  test('what was heard of one during a call is looked into when the call has returned', () => {
    const facts = known.meet(running, 5, null);
    const called: InstanceEntry = { ...running, call: 'freeze' };
    facts.isSuspect = true;
    known.onChange(stateOf(running), stateOf(called));
    expect(told).toEqual(['a came']);
    known.onChange(stateOf(called), stateOf(running));
    expect([told, facts.isSuspect]).toEqual([['a came', 'a is suspect'], false]);
  });

  test('each instance has the settings of its own revision, also after a change of the project', () => {
    const before = known.meet(running, 5, null);
    known.follow({ ...project, revision: 2, settings: projectSettings({ image: 'app:2' }) });
    const after = known.meet({ id: 'b', revision: 2 }, undefined, null);
    const another = known.meet({ id: 'c', revision: 1 }, undefined, null);
    expect([before, after, another].map(({ settings }) => settings.image)).toEqual([
      'app:1',
      'app:2',
      'app:1',
    ]);
  });
});
