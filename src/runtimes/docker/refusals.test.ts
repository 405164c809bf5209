import { describe, expect, test } from 'bun:test';
import type { ContainerInspectInfo } from 'dockerode';
import { LumaError } from '../../base/errors.ts';
import type { InstanceSpec } from '../contract.ts';
import { changeRefused, creationRefused, instanceExited, isLeftover, startRefused } from './refusals.ts';

const refusal = (status: number, words: string): LumaError =>
  new LumaError('runtime_failed', `Docker could not do it: ${words}`, { details: { status, words } });

describe('a refused start', () => {
  test.each([
    [
      500,
      'driver failed programming external connectivity: Bind for 127.0.0.1:80: port is already allocated',
      'port_conflict',
    ],
    [500, 'listen tcp4 127.0.0.1:49153: bind: address already in use', 'port_conflict'],
    [400, 'OCI runtime create failed: exec: "nope": executable file not found in $PATH', 'command_not_found'],
    [400, 'exec: "/app": permission denied', 'command_not_found'],
    [400, 'exec: "docker-init": executable file not found in $PATH', 'runtime_failed'],
    [500, 'no space left on device', 'runtime_failed'],
    // Only a refusal of the command itself is the user's mistake.
    [500, 'open /var/lib/docker/x: no such file or directory', 'runtime_failed'],
  ])('with %i "%s" is %s', (status, words, code) => {
    const error = startRefused(refusal(status, words));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });
});

test('what containerd kept of a killed engine is known by its words', () => {
  const task = '6796f82d8ef0c71f0fa8276977c830715486c34bfeb5f403ff9c3f17ccb1b294';
  expect(isLeftover(refusal(500, `task ${task}: already exists`))).toBe(true);
  expect(isLeftover(refusal(500, 'id already in use'))).toBe(true);
  const folder = `/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/${'c4'.repeat(32)}`;
  const words = `failed to create task for container: failed to start shim: mkdir ${folder}: file exists: unknown`;
  expect(isLeftover(refusal(500, words))).toBe(true);
  expect(isLeftover(refusal(409, 'a network named task: already exists'))).toBe(false);
});

describe('a refused creation', () => {
  const instance = { project: 'shop', instanceId: 'i-1' } as InstanceSpec;

  test('because of a taken name says which, and how to free it', () => {
    const error = creationRefused(instance, refusal(409, 'Conflict. The container name is in use'));
    expect(error).toMatchObject({
      code: 'runtime_failed',
      hint: expect.stringContaining('docker rm luma-shop-i-1'),
    });
  });

  test('because nothing says what to run is the command that was not found', () => {
    expect(creationRefused(instance, refusal(400, 'No command specified'))).toMatchObject({
      code: 'command_not_found',
    });
  });

  test('because the disk is full says how to free some', () => {
    const error = creationRefused(instance, refusal(500, 'no space left on device'));
    expect(error).toMatchObject({
      code: 'runtime_failed',
      hint: expect.stringContaining('docker image prune'),
    });
  });

  test('for any other reason stays as it is', () => {
    const error = refusal(500, 'invalid mount config');
    expect(creationRefused(instance, error)).toBe(error);
  });
});

describe('an instance that ended', () => {
  const info = (Running: boolean) =>
    ({ State: { Status: 'exited', Running, FinishedAt: '' } }) as ContainerInspectInfo;

  test('says how, as far as it is known', () => {
    const exit = { code: 3, signal: null, outOfMemory: false, at: 1 };
    expect(instanceExited('i-1', exit)).toMatchObject({ code: 'instance_exited', details: { exit } });
    expect(instanceExited('i-1', exit).message).toContain('exited with code 3');
    expect(instanceExited('i-1', { ...exit, outOfMemory: true }).message).toContain('ran out of memory');
    expect(instanceExited('i-1', null).message).toContain('code unknown');
  });

  test('is the reason why a change was refused, unless it runs', () => {
    const error = refusal(500, 'cannot pause');
    expect(changeRefused('i-1', info(false), error).code).toBe('instance_exited');
    expect(changeRefused('i-1', info(true), error)).toBe(error);
  });
});
