/** An engine and a subject on it for one test file: there before its first test, gone after its last. */
import { afterAll, beforeAll } from 'bun:test';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type DockerSubject, dockerSubject } from './subject.ts';

export interface DockerStage {
  readonly engine: TestEngine;
  readonly subject: DockerSubject;
}

/** What it returns is filled when the tests run. */
export function dockerStage(limitMs: number): DockerStage {
  let engine: TestEngine | undefined;
  let subject: DockerSubject | undefined;
  beforeAll(async () => {
    engine = await withEngine();
    subject = await dockerSubject(engine);
  }, limitMs);
  afterAll(async () => {
    await subject?.close();
    await engine?.stop();
  }, limitMs);
  return {
    get engine() {
      return there(engine);
    },
    get subject() {
      return there(subject);
    },
  };
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the stage is there only while tests run');
  return value;
}
