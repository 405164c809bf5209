import { describe, expect, test } from 'bun:test';
import type { ContainerInspectInfo } from 'dockerode';
import { exitOf, observedState } from './container-state.ts';

const state = (over: Partial<ContainerInspectInfo['State']>): ContainerInspectInfo['State'] => ({
  Status: 'exited',
  Running: false,
  Paused: false,
  Restarting: false,
  OOMKilled: false,
  Dead: false,
  Pid: 0,
  ExitCode: 0,
  Error: '',
  StartedAt: '2026-01-02T03:04:00.000000001Z',
  FinishedAt: '2026-01-02T03:04:05.123456789Z',
  ...over,
});

describe('the state of a container', () => {
  test.each([
    ['created', 'prepared'],
    ['running', 'running'],
    ['restarting', 'running'],
    ['paused', 'frozen'],
    ['exited', 'exited'],
    ['dead', 'exited'],
    ['removing', 'exited'],
  ] as const)('%s means %s', (Status, observed) => {
    expect(observedState({ Status })).toBe(observed);
  });

  test('tells how the last run ended', () => {
    expect(exitOf(state({ ExitCode: 137, OOMKilled: true }))).toEqual({
      code: 137,
      signal: null,
      outOfMemory: true,
      at: Date.UTC(2026, 0, 2, 3, 4, 5, 123),
    });
  });

  test('tells no end while it runs, or before it ever ran', () => {
    expect(exitOf(state({ Status: 'running', Running: true }))).toBeNull();
    expect(exitOf(state({ Status: 'created', FinishedAt: '0001-01-01T00:00:00Z' }))).toBeNull();
    expect(exitOf(state({ FinishedAt: '0001-01-01T00:00:00Z' }))).toBeNull();
  });
});
