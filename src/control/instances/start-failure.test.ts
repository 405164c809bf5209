import { describe, expect, test } from 'bun:test';
import { LumaError } from '../../base/errors.ts';
import { NO_PROBES } from '../../domain/probe.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import { failureOfError, failureOfExit, failureOfSilence } from './start-failure.ts';

const circumstances = { at: 7, logLines: ['boom'] };
const exit = { code: 3, signal: null, outOfMemory: false, at: 0 };
const settings: RevisionSettings = {
  image: 'app',
  command: null,
  entrypoint: null,
  workingDir: null,
  envVars: {},
  containerPort: 80,
  healthCheck: null,
  probes: NO_PROBES,
  stopTimeoutMs: 10_000,
};

describe('an error of the runtime', () => {
  test('keeps its code, and its hint becomes part of the sentence', () => {
    const error = new LumaError('image_not_found', 'no image app', { hint: 'build or pull it' });
    expect(failureOfError(error, circumstances)).toEqual({
      code: 'image_not_found',
      message: 'no image app; build or pull it',
      logLines: ['boom'],
      at: 7,
    });
  });

  test('that names an exit says the exit code', () => {
    const error = new LumaError('instance_exited', 'it ended', { details: { exit } });
    expect(failureOfError(error, circumstances)).toMatchObject({
      code: 'instance_exited',
      message: 'it exited with code 3 during its start',
    });
  });

  test('that is a bug is reported as runtime_failed with its text', () => {
    expect(failureOfError(new TypeError('oops'), circumstances)).toMatchObject({
      code: 'runtime_failed',
      message: 'oops',
    });
  });
});

test('memory that ran out has a code of its own', () => {
  const failure = failureOfExit({ ...exit, code: 137, outOfMemory: true }, 'while it served', circumstances);
  expect(failure.code).toBe('out_of_memory');
  expect(failure.message).toContain('while it served');
});

test('a disappeared instance is told apart from one that exited', () => {
  expect(failureOfExit(null, 'while it served', circumstances).message).toContain('disappeared');
});

describe('silence', () => {
  test('names the port and what to check', () => {
    const failure = failureOfSilence(settings, 80, 60_000, circumstances);
    expect(failure.code).toBe('port_never_opened');
    expect(failure.message).toContain('port 80 within 60 s');
    expect(failure.message).toContain('0.0.0.0');
  });

  test('with a health check names its path', () => {
    const checked = { ...settings, healthCheck: { path: '/healthz', timeoutMs: 100 } };
    const failure = failureOfSilence(checked, 80, 2_500, circumstances);
    expect(failure.code).toBe('health_check_failed');
    expect(failure.message).toContain('GET /healthz on port 80 gave no 2xx answer within 2.5 s');
  });
});
