import { expect, test } from 'bun:test';
import type { Project } from '../../domain/project.ts';
import { allTo } from '../../domain/revision.ts';
import type { LaneSplit, ServiceReport } from '../../proxy/client/contract.ts';
import { newFacts } from '../instances/instance-facts.ts';
import {
  type InstanceEntry,
  initialState,
  newInstance,
  type ProjectState,
} from '../projects/project-state.ts';
import { projectSettings } from '../rehearsal/platform.ts';
import { ProjectRoutes, type RoutedService } from './project-routes.ts';

const settings = projectSettings({});
const project: Project = {
  settings,
  ...{ wanted: 'active', revision: 1, traffic: allTo(1), createdAt: 0, updatedAt: 0 },
};
const running: InstanceEntry = { ...newInstance('a', 1), state: 'running', located: true };
const awake: ProjectState = {
  ...initialState({
    ...{ wanted: 'active', sleepy: true, freezes: false, current: 'a', candidate: null, verifies: false },
    ...{ least: 0, most: 1, seed: 's', lineup: [{ revision: 1, percent: 100 }], nextLineup: null },
    instances: [running],
  }),
};
const address = { host: '127.0.0.1', port: 80, readiness: 'connect' } as const;
const facts = new Map([['a', newFacts(1, settings, 0, { isRecorded: true, address })]]);

function routesOf(subject: Partial<RoutedService>): ProjectRoutes {
  return new ProjectRoutes({ project, service: 'app', state: awake, facts, ...subject });
}

function report(...targetIds: string[]): ServiceReport {
  const targets = targetIds.map((id) => ({ id, state: 'ready' as const }));
  return { service: 'app', inFlight: 1, held: 2, ends: 3, quietForMs: null, gate: 'open', targets };
}

test('of a service whose instances are not known yet the proxy hears its routes and no targets', () => {
  expect(routesOf({ state: null }).snapshot()).toMatchObject({
    name: 'app',
    traffic: 'forward',
    targets: [],
  });
  const stopped = { ...project, wanted: 'stopped' as const };
  expect(routesOf({ state: null, project: stopped }).snapshot()).toMatchObject({ traffic: 'stopped' });
});

test('what the proxy had of it counts as published only where that is what the snapshot says', () => {
  const routes = routesOf({});
  expect(routes.snapshot()).toMatchObject({ targets: [{ id: 'a', port: 80 }] });
  const activity = { inFlight: 1, held: 2, ends: 3 };
  expect(routes.linkedBy(report('a'), null)).toMatchObject({
    published: { targets: ['a'] },
    answered: ['a'],
    activity,
  });
  expect(routes.linkedBy(report('a', 'stranger'), null)).toMatchObject({ published: null, answered: ['a'] });
  const conflict = { code: 'hostname_taken', message: 'no', logLines: [], at: 0 };
  expect(routes.linkedBy(report('a'), conflict)).toMatchObject({ published: null, conflict });
});

test('at the end of the platform a project that is wanted is closing, one that a person stopped is stopped', () => {
  const publication = { traffic: 'stopped', targets: [], split: [], routes: 1 } as const;
  const closing = routesOf({ state: { ...awake, closing: true } }).specOf(publication);
  expect(closing).toMatchObject({
    traffic: 'stopped',
    stopMessage: expect.stringContaining('shutting down'),
  });
  const stopped = routesOf({ state: { ...awake, closing: true, wanted: 'stopped' } }).specOf(publication);
  expect(stopped?.stopMessage).toBeUndefined();
});

test('a division among lanes is news once, and part of what is said from then on', () => {
  const lanes: LaneSplit = {
    lanes: [{ service: 'app.r2', percent: 10, hosts: [] }],
    ...{ stickyCookie: null, ownHosts: [] },
  };
  const routes = routesOf({});
  expect([routes.divide(lanes), routes.divide(structuredClone(lanes))]).toEqual([true, false]);
  expect(routes.snapshot()?.laneSplit).toEqual(lanes);
});
