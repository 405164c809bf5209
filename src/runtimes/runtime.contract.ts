/**
 * The contract suite: what every runtime means by the words of `contract.ts`, proved on the real thing.
 * A runtime's own test calls `describeRuntimeContract`; the subject it makes owns every process it starts.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { isLumaError, type LumaError } from '../base/errors.ts';
import { revisionName } from '../domain/project.ts';
import {
  EXEC_OUTPUT_BYTES_MAX,
  type InstanceAddress,
  type InstanceExit,
  type InstanceSpec,
  type LogLine,
  type ObservedInstance,
  type Runtime,
  type RuntimeEvent,
} from './contract.ts';

/** A runtime under test, and recipes for what it should run. Every recipe returns a new instance id. */
export interface ContractSubject {
  readonly runtime: Runtime;
  /** The same engine or machine, another installation. */
  readonly other: Runtime;
  /** The runtime as a restarted Luma makes it: same installation, nothing remembered. The suite closes it. */
  restarted(): Promise<Runtime>;
  /** Serves HTTP on PORT and ends by itself on the stop signal. */
  serves(): InstanceSpec;
  /** Ends at once with this exit code. */
  exits(code: number): InstanceSpec;
  /** Serves HTTP on PORT and goes on when it gets the stop signal. */
  ignoresStop(): InstanceSpec;
  /** Prints these lines, in order, on each start, then serves like `serves`. */
  prints(lines: readonly { readonly stream: 'stdout' | 'stderr'; readonly text: string }[]): InstanceSpec;
  /** Prints its environment to stdout, `NAME=value` a line, then serves, where there is a shell. Has the variable GREETING=`hello, you`. */
  printsEnvironment(): InstanceSpec;
  /** Its program does not exist. */
  missingProgram(): InstanceSpec;
  /** Its image exists nowhere; left out by runtimes without images. */
  missingImage?(): InstanceSpec;
  /** Kills the instance from outside, as an out-of-memory killer or an operator does. */
  crash(instanceId: string): Promise<void>;
  /** Removes what the instance is made of behind the runtime's back; left out where nothing can be removed. */
  vandalise?(instanceId: string): Promise<void>;
  /** Whether the app answers at this address now; left out: an HTTP request is made. */
  answers?(address: InstanceAddress): Promise<boolean>;
  /** Removes all that the subject made, and closes both runtimes. */
  close(): Promise<void>;
}

const testLimitMs = 60_000;
const conditionLimitMs = 20_000;
const pollMs = 5;

export function describeRuntimeContract(name: string, make: () => Promise<ContractSubject>): void {
  describe(`runtime contract: ${name}`, () => {
    let subject: ContractSubject;
    const made: string[] = [];
    const it = (sentence: string, run: () => Promise<void>): void => test(sentence, run, testLimitMs);

    const prepared = async (spec: InstanceSpec): Promise<string> => {
      made.push(spec.instanceId);
      await subject.runtime.prepare(spec);
      return spec.instanceId;
    };
    const started = async (spec: InstanceSpec): Promise<{ id: string; address: InstanceAddress }> => {
      const id = await prepared(spec);
      const { address } = await subject.runtime.start(id);
      return { id, address };
    };
    const answers = (address: InstanceAddress): Promise<boolean> =>
      subject.answers?.(address) ?? answersHttp(address);
    const untilAnswers = (address: InstanceAddress): Promise<unknown> =>
      until(
        `an answer from ${address.host}:${address.port}`,
        async () => (await answers(address)) || undefined,
      );
    const observed = async (id: string, runtime = subject.runtime): Promise<ObservedInstance | undefined> =>
      (await runtime.list()).find((one) => one.instanceId === id);

    beforeAll(async () => {
      subject = await make();
    }, testLimitMs);
    afterEach(async () => {
      for (const id of made.splice(0)) await subject.runtime.remove(id);
    }, testLimitMs);
    afterAll(() => subject.close(), testLimitMs);

    describe('prepare and start', () => {
      it('describes itself with a name and a version', async () => {
        const { name: engine, version } = await subject.runtime.describe();
        expect(engine.length).toBeGreaterThan(0);
        expect(version.length).toBeGreaterThan(0);
      });

      it('finds nothing wrong with settings that it can run', async () => {
        expect(subject.runtime.check(subject.serves().settings)).toEqual([]);
      });

      it('lists a prepared instance as prepared, without an address', async () => {
        const spec = subject.serves();
        const id = await prepared(spec);
        const one = await observed(id);
        expect(one).toMatchObject({ project: spec.project, revision: spec.revision, state: 'prepared' });
        expect(one?.address).toBeUndefined();
      });

      it('starts a prepared instance, which then answers at the address', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        expect(await observed(id)).toMatchObject({ state: 'running', address });
      });

      it('prepares twice without harm, also while it runs', async () => {
        const spec = subject.serves();
        await prepared(spec);
        await subject.runtime.prepare(spec);
        const { address } = await subject.runtime.start(spec.instanceId);
        await untilAnswers(address);
        await subject.runtime.prepare(spec);
        expect(await observed(spec.instanceId)).toMatchObject({ state: 'running', address });
      });

      it('tells the same pinned image each time, and prepares from it', async () => {
        const spec = subject.serves();
        made.push(spec.instanceId);
        const { pinnedImage } = await subject.runtime.prepare(spec);
        expect(await subject.runtime.prepare({ ...spec, pinnedImage })).toEqual({ pinnedImage });
        expect(pinnedImage === null).toBe(spec.settings.image === null);
      });

      it('prepares again what disappeared', async () => {
        if (!subject.vandalise) return;
        const spec = subject.serves();
        const id = await prepared(spec);
        await subject.vandalise(id);
        await expectCode(subject.runtime.start(id), 'instance_not_found');
        await subject.runtime.prepare(spec);
        await untilAnswers((await subject.runtime.start(id)).address);
      });

      it('returns the address of a running instance when started again', async () => {
        const { id, address } = await started(subject.serves());
        expect((await subject.runtime.start(id)).address).toEqual(address);
      });

      it('makes one start of many at once', async () => {
        const id = await prepared(subject.serves());
        const starts = await Promise.all(Array.from({ length: 5 }, () => subject.runtime.start(id)));
        for (const { address } of starts) expect(address).toEqual(starts[0]!.address);
        await untilAnswers(starts[0]!.address);
      });

      it('refuses to start or freeze what was never prepared', async () => {
        const { instanceId } = subject.serves();
        await expectCode(subject.runtime.start(instanceId), 'instance_not_found');
        await expectCode(subject.runtime.freeze(instanceId), 'instance_not_found');
        await expectCode(subject.runtime.thaw(instanceId), 'instance_not_found');
      });

      it('starts nothing when the signal is aborted already', async () => {
        const id = await prepared(subject.serves());
        const reason = new Error('nobody waits any more');
        expect(await rejectionOf(subject.runtime.start(id, AbortSignal.abort(reason)))).toBe(reason);
        expect((await observed(id))?.state).toBe('prepared');
      });

      it('gives the instance its own variables, PORT, and its names as Cloud Run does', async () => {
        const spec = subject.printsEnvironment();
        const { id, address } = await started(spec);
        await untilAnswers(address);
        const environment = await until('the printed environment', async () => {
          const lines = (await collected(subject.runtime.logs(id))).map((line) => line.text);
          return lines.some((line) => line.startsWith('LUMA_INSTANCE_ID=')) ? lines : undefined;
        });
        expect(environment).toContain('GREETING=hello, you');
        expect(environment).toContain(`K_SERVICE=${spec.project}`);
        expect(environment).toContain(`K_REVISION=${revisionName(spec.project, spec.revision)}`);
        expect(environment).toContain(`LUMA_INSTANCE_ID=${id}`);
        expect(environment.some((line) => /^PORT=\d+$/.test(line))).toBe(true);
      });
    });

    describe('failures', () => {
      it('says command_not_found for a program that does not exist', async () => {
        const spec = subject.missingProgram();
        const error = await rejectionOf(prepared(spec).then((id) => subject.runtime.start(id)));
        expectLumaError(error, 'command_not_found');
        expect(error.hint).toBeDefined();
      });

      it('says image_not_found for an image that exists nowhere, and names it', async () => {
        if (!subject.missingImage) return;
        const spec = subject.missingImage();
        const error = await rejectionOf(prepared(spec));
        expectLumaError(error, 'image_not_found');
        expect(error.message).toContain(spec.settings.image!);
        expect(error.hint).toBeDefined();
      });

      it('tells the exit code of an instance that ends at once', async () => {
        const watched = watching(subject.runtime);
        try {
          const id = await prepared(subject.exits(7));
          expect((await exitAfterStart(subject.runtime, id, watched)).code).toBe(7);
          expect(await observed(id)).toMatchObject({ state: 'exited', exit: { code: 7 } });
          await expectStartable(id);
        } finally {
          watched.stop();
        }
      });

      const expectStartable = async (id: string): Promise<void> => {
        const again = watching(subject.runtime);
        try {
          expect((await exitAfterStart(subject.runtime, id, again)).code).toBe(7);
        } finally {
          again.stop();
        }
      };

      it('reports a crash as an exit, and starts again afterwards', async () => {
        const watched = watching(subject.runtime);
        try {
          const { id, address } = await started(subject.serves());
          await untilAnswers(address);
          await subject.crash(id);
          const { exit } = await watched.next('exited', id);
          expect(exit.outOfMemory).toBe(false);
          expect(isKilled(exit)).toBe(true);
          expect((await observed(id))?.state).toBe('exited');
          await untilAnswers((await subject.runtime.start(id)).address);
        } finally {
          watched.stop();
        }
      });
    });

    describe('stop and remove', () => {
      it('stops with the stop signal and returns how it ended', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        const exit = await subject.runtime.stop(id, 10_000);
        expect(exit && isKilled(exit)).toBe(false);
        expect(await answers(address)).toBe(false);
        const one = await observed(id);
        expect(one?.address).toBeUndefined();
        expect(['prepared', 'exited']).toContain(one?.state ?? 'missing');
      });

      it('starts again after a stop', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        await subject.runtime.stop(id, 10_000);
        await untilAnswers((await subject.runtime.start(id)).address);
      });

      it('kills what ignores the stop signal when the time is over', async () => {
        const { id, address } = await started(subject.ignoresStop());
        await untilAnswers(address);
        const exit = await subject.runtime.stop(id, 200);
        expect(exit && isKilled(exit)).toBe(true);
        expect(await answers(address)).toBe(false);
      });

      it('stops what does not run, or does not exist, without complaint', async () => {
        const id = await prepared(subject.serves());
        expect(await subject.runtime.stop(id, 1_000)).toBeNull();
        expect((await observed(id))?.state).toBe('prepared');
        expect(await subject.runtime.stop(subject.serves().instanceId, 1_000)).toBeNull();
      });

      it('makes calls for one instance one after the other', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        const [exit, second] = await Promise.all([
          subject.runtime.stop(id, 10_000),
          subject.runtime.start(id),
        ]);
        expect(exit).not.toBeNull();
        await untilAnswers(second.address);
        expect((await observed(id))?.state).toBe('running');
      });

      it('removes a running instance at once, and removing again does no harm', async () => {
        const { id, address } = await started(subject.ignoresStop());
        await untilAnswers(address);
        await subject.runtime.remove(id);
        expect(await answers(address)).toBe(false);
        expect(await observed(id)).toBeUndefined();
        await subject.runtime.remove(id);
        await expectCode(subject.runtime.start(id), 'instance_not_found');
      });
    });

    describe('freeze and thaw', () => {
      it('freezes and thaws: a request sent in between is answered after the thaw', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        await subject.runtime.freeze(id);
        expect(await observed(id)).toMatchObject({ state: 'frozen', address });
        const answered = untilAnswers(address);
        expect((await subject.runtime.thaw(id)).address).toEqual(address);
        await answered;
        expect((await observed(id))?.state).toBe('running');
      });

      it('freezes and thaws twice without harm', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        await subject.runtime.freeze(id);
        await subject.runtime.freeze(id);
        await subject.runtime.thaw(id);
        expect((await subject.runtime.thaw(id)).address).toEqual(address);
        await untilAnswers(address);
      });

      it('stops a frozen instance with its stop signal', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        await subject.runtime.freeze(id);
        const exit = await subject.runtime.stop(id, 10_000);
        expect(exit && isKilled(exit)).toBe(false);
        await untilAnswers((await subject.runtime.start(id)).address);
      });

      it('removes a frozen instance', async () => {
        const { id } = await started(subject.serves());
        await subject.runtime.freeze(id);
        await subject.runtime.remove(id);
        expect(await observed(id)).toBeUndefined();
      });

      it('refuses to freeze or thaw what does not run', async () => {
        const id = await prepared(subject.serves());
        await expectCode(subject.runtime.freeze(id), 'instance_exited');
        await expectCode(subject.runtime.thaw(id), 'instance_exited');
        const { address } = await subject.runtime.start(id);
        await untilAnswers(address);
        await subject.runtime.stop(id, 10_000);
        await expectCode(subject.runtime.freeze(id), 'instance_exited');
        await expectCode(subject.runtime.thaw(id), 'instance_exited');
      });

      it('start of a frozen instance thaws it', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        await subject.runtime.freeze(id);
        expect((await subject.runtime.start(id)).address).toEqual(address);
        await untilAnswers(address);
      });
    });

    describe('commands beside the app', () => {
      it('run with its variables, and tell their status and what they wrote', async () => {
        const { id, address } = await started(subject.printsEnvironment());
        await untilAnswers(address);
        const command = ['sh', '-c', 'echo "$GREETING"; echo oh >&2; exit 3'];
        const outcome = await subject.runtime.exec(id, command, { timeoutMs: 20_000 });
        expect(outcome.code).toBe(3);
        expect(outcome.output).toContain('hello, you\n');
        expect(outcome.output).toContain('oh\n');
        const well = await subject.runtime.exec(id, ['sh', '-c', 'exit 0'], { timeoutMs: 20_000 });
        expect(well).toEqual({ code: 0, output: '' });
      });

      it('that are not over in time are told so, and the app goes on', async () => {
        const { id, address } = await started(subject.printsEnvironment());
        await untilAnswers(address);
        const outcome = await subject.runtime.exec(id, ['sh', '-c', 'sleep 3'], { timeoutMs: 300 });
        expect(outcome.code).toBeNull();
        expect(await answers(address)).toBe(true);
      });

      it('leave only the end of what they wrote', async () => {
        const { id, address } = await started(subject.printsEnvironment());
        await untilAnswers(address);
        const script = 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done';
        const { code, output } = await subject.runtime.exec(id, ['sh', '-c', script], { timeoutMs: 20_000 });
        expect(code).toBe(0);
        expect(output.length).toBeLessThanOrEqual(EXEC_OUTPUT_BYTES_MAX);
        expect(output).toEndWith('line 1999\n');
      });

      it('that do not exist end with 126 or 127', async () => {
        const { id, address } = await started(subject.printsEnvironment());
        await untilAnswers(address);
        const outcome = await subject.runtime.exec(id, ['luma-no-such-program'], { timeoutMs: 20_000 });
        expect([126, 127]).toContain(outcome.code ?? 0);
        expect(outcome.output).not.toBe('');
      });

      it('need an instance that runs', async () => {
        const spec = subject.printsEnvironment();
        const command = ['sh', '-c', 'exit 0'];
        const exec = (): Promise<unknown> =>
          subject.runtime.exec(spec.instanceId, command, { timeoutMs: 5_000 });
        await expectCode(exec(), 'instance_not_found');
        await prepared(spec);
        await expectCode(exec(), 'instance_exited');
      });
    });

    describe('watch', () => {
      it('tells the whole life of an instance in order', async () => {
        const watched = watching(subject.runtime);
        try {
          const { id, address } = await started(subject.serves());
          await untilAnswers(address);
          await subject.runtime.freeze(id);
          await subject.runtime.thaw(id);
          await subject.runtime.stop(id, 10_000);
          await subject.runtime.remove(id);
          await watched.next('removed', id);
          const kinds = watched.of(id).map((event) => event.kind);
          expect(kinds).toEqual(['started', 'frozen', 'thawed', 'exited', 'removed']);
        } finally {
          watched.stop();
        }
      });

      it('says nothing more once stopped', async () => {
        const watched = watching(subject.runtime);
        const stillWatching = watching(subject.runtime);
        try {
          watched.stop();
          const { id } = await started(subject.serves());
          await stillWatching.next('started', id);
          expect(watched.of(id)).toEqual([]);
        } finally {
          stillWatching.stop();
        }
      });
    });

    describe('logs', () => {
      const texts = (lines: readonly LogLine[], stream?: LogLine['stream']): string[] =>
        lines.filter((line) => !stream || line.stream === stream).map((line) => line.text);
      const noise = [
        { stream: 'stdout', text: 'first line' },
        { stream: 'stderr', text: 'a complaint: ümläut ✓' },
        { stream: 'stdout', text: 'x'.repeat(20_000) },
        { stream: 'stdout', text: 'last line' },
      ] as const;
      /** The lines of one start, once all are there. */
      const complete = (id: string): Promise<LogLine[]> =>
        until('all lines', async () => {
          const lines = await collected(subject.runtime.logs(id));
          const has = (text: string): boolean => texts(lines).includes(text);
          return noise.every(({ text }) => has(text)) ? lines : undefined;
        });

      it('returns the lines of both streams with their times', async () => {
        const before = Date.now();
        const { id } = await started(subject.prints(noise));
        const lines = await complete(id);
        expect(texts(lines, 'stdout').slice(0, 3)).toEqual(['first line', 'x'.repeat(20_000), 'last line']);
        expect(texts(lines, 'stderr')).toContain('a complaint: ümläut ✓');
        for (const { at } of lines) {
          expect(at).toBeGreaterThanOrEqual(before - 1_000);
          expect(at).toBeLessThanOrEqual(Date.now() + 1_000);
        }
      });

      it('returns only the last lines, or only those since an instant', async () => {
        const { id } = await started(subject.prints(noise));
        const all = await complete(id);
        const tail = await collected(subject.runtime.logs(id, { tail: 2 }));
        expect(tail.map(lineKey)).toEqual(all.slice(-2).map(lineKey));
        expect(await collected(subject.runtime.logs(id, { tail: 0 }))).toEqual([]);
        const past = await collected(subject.runtime.logs(id, { since: all[0]!.at }));
        expect(past.map(lineKey)).toEqual(all.map(lineKey));
        const future = await collected(subject.runtime.logs(id, { since: Date.now() + 60_000 }));
        expect(future).toEqual([]);
      });

      it('follows over a stop and a start until the signal aborts', async () => {
        const { id } = await started(subject.prints(noise));
        await complete(id);
        const abort = new AbortController();
        const seen: LogLine[] = [];
        const ended = collectInto(seen, subject.runtime.logs(id, { follow: true, signal: abort.signal }));
        const lastLines = (count: number): Promise<unknown> =>
          until(`last line number ${count}`, async () => {
            return texts(seen).filter((text) => text === 'last line').length === count || undefined;
          });
        await lastLines(1);
        await subject.runtime.stop(id, 10_000);
        await subject.runtime.start(id);
        await lastLines(2);
        abort.abort();
        await ended;
        expect(texts(seen).filter((text) => text === 'first line').length).toBe(2);
      });

      it('ends following when the instance is removed, and keeps its last lines', async () => {
        const { id } = await started(subject.prints(noise));
        await complete(id);
        const seen: LogLine[] = [];
        const ended = collectInto(seen, subject.runtime.logs(id, { follow: true, tail: 1 }));
        await until('a followed line', async () => seen.length > 0 || undefined);
        await subject.runtime.remove(id);
        await ended;
        const kept = await collected(subject.runtime.logs(id, { tail: 50 }));
        expect(texts(kept)).toContain('last line');
      });

      it('has the last lines of what ended at once', async () => {
        const watched = watching(subject.runtime);
        try {
          const id = await prepared(subject.exits(3));
          await exitAfterStart(subject.runtime, id, watched);
          expect(Array.isArray(await collected(subject.runtime.logs(id, { tail: 20 })))).toBe(true);
        } finally {
          watched.stop();
        }
      });

      it('refuses logs of what never existed', async () => {
        await expectCode(collected(subject.runtime.logs(subject.serves().instanceId)), 'instance_not_found');
      });
    });

    describe('adoption and isolation', () => {
      it('is found running, reached and stopped by a restarted Luma', async () => {
        const spec = subject.serves();
        const { id, address } = await started(spec);
        await untilAnswers(address);
        const next = await subject.restarted();
        try {
          const one = await observed(id, next);
          expect(one).toMatchObject({
            project: spec.project,
            revision: spec.revision,
            state: 'running',
            address,
          });
          expect((await next.start(id)).address).toEqual(address);
          expect(await next.stop(id, 10_000)).not.toBeNull();
          expect(await answers(address)).toBe(false);
        } finally {
          await next.close();
        }
      });

      it('hears in a restarted Luma when an adopted instance ends', async () => {
        const { id, address } = await started(subject.serves());
        await untilAnswers(address);
        const next = await subject.restarted();
        const watched = watching(next);
        try {
          expect((await observed(id, next))?.state).toBe('running');
          await subject.crash(id);
          await watched.next('exited', id);
        } finally {
          watched.stop();
          await next.close();
        }
      });

      it('keeps instances running when it is closed', async () => {
        const next = await subject.restarted();
        const spec = subject.serves();
        made.push(spec.instanceId);
        await next.prepare(spec);
        const { address } = await next.start(spec.instanceId);
        await untilAnswers(address);
        await next.close();
        expect(await answers(address)).toBe(true);
      });

      it("neither sees nor touches another installation's instances", async () => {
        const heard = watching(subject.other);
        try {
          const { id, address } = await started(subject.serves());
          await untilAnswers(address);
          expect(await observed(id, subject.other)).toBeUndefined();
          await expectCode(subject.other.start(id), 'instance_not_found');
          await expectCode(subject.other.freeze(id), 'instance_not_found');
          expect(await subject.other.stop(id, 100)).toBeNull();
          await subject.other.remove(id);
          expect(await answers(address)).toBe(true);
          expect(await observed(id)).toMatchObject({ state: 'running', address });
          expect(heard.of(id)).toEqual([]);
        } finally {
          heard.stop();
        }
      });
    });
  });
}

interface Watched {
  of(instanceId: string): readonly Exclude<RuntimeEvent, { kind: 'relist' }>[];
  next<K extends RuntimeEvent['kind']>(
    kind: K,
    instanceId: string,
  ): Promise<Extract<RuntimeEvent, { kind: K }>>;
  stop(): void;
}

function watching(runtime: Runtime): Watched {
  const events: Exclude<RuntimeEvent, { kind: 'relist' }>[] = [];
  const stop = runtime.watch((event) => {
    if (event.kind !== 'relist') events.push(event);
  });
  const of = (instanceId: string) => events.filter((event) => event.instanceId === instanceId);
  return {
    of,
    stop,
    next: <K extends RuntimeEvent['kind']>(kind: K, instanceId: string) =>
      until(`the event ${kind} of ${instanceId}`, async () => {
        return of(instanceId).find((event) => event.kind === kind) as
          | Extract<RuntimeEvent, { kind: K }>
          | undefined;
      }),
  };
}

/** An instance that ends at once may end during start or right after it: both must tell the same exit. */
async function exitAfterStart(runtime: Runtime, id: string, watched: Watched): Promise<InstanceExit> {
  try {
    await runtime.start(id);
  } catch (error) {
    expectLumaError(error, 'instance_exited');
    return error.details['exit'] as InstanceExit;
  }
  return (await watched.next('exited', id)).exit;
}

/** Polls, because a condition of the outside world has no event of its own; fails at the deadline. */
async function until<T>(what: string, condition: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + conditionLimitMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`waited ${conditionLimitMs} ms in vain for ${what}`);
    await Bun.sleep(pollMs);
  }
}

async function answersHttp(address: InstanceAddress): Promise<boolean> {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  try {
    const response = await fetch(`http://${host}:${address.port}/`, {
      signal: AbortSignal.timeout(2_000),
      keepalive: false,
    });
    await response.arrayBuffer();
    return response.ok;
  } catch (error) {
    // Refused, reset or silent: all mean "not now" here.
    if (error instanceof Error) return false;
    throw error;
  }
}

function isKilled(exit: InstanceExit): boolean {
  return exit.code === 137 || exit.signal === 'SIGKILL';
}

const lineKey = (line: LogLine): string => `${line.at} ${line.stream} ${line.text}`;

async function collected(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  await collectInto(all, lines);
  return all;
}

async function collectInto(all: LogLine[], lines: AsyncIterable<LogLine>): Promise<void> {
  for await (const line of lines) all.push(line);
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection');
}

async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  expectLumaError(await rejectionOf(promise), code);
}

function expectLumaError(error: unknown, code: string): asserts error is LumaError {
  if (!isLumaError(error)) throw error;
  expect(error.code).toBe(code);
}
