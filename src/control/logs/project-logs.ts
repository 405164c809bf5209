/** A project's output: that of every instance it has, of all its revisions, and of those that come while somebody follows. Keeps nothing. */
import { isLumaError } from '../../base/errors.ts';
import type { LogOptions, Runtime } from '../../runtimes/contract.ts';
import type { LogQuery, ProjectLogLine } from '../contract.ts';
import type { InstanceEntry } from '../projects/project-state.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { LogInbox } from './log-inbox.ts';
import { mergedLines } from './merged-lines.ts';
import { ReadMark } from './read-mark.ts';

export interface LoggedProject {
  readonly own: ProjectSupervisor;
  /** Its own service, and those of its lanes, as many as there are now. */
  services(): readonly ProjectSupervisor[];
  /** Calls back when one comes or goes, until told to stop. */
  onServices(listener: () => void): () => void;
}

/** One instance that may have written something. */
interface Source {
  readonly instanceId: string;
  readonly revision: number;
}

export class ProjectLogs {
  readonly #project: LoggedProject;
  readonly #runtime: Runtime;
  readonly #query: LogQuery;
  /** How far each instance was read. */
  readonly #marks = new Map<string, ReadMark>();
  /** Ends every reader, also when whom they read for walks away in the middle. */
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;

  constructor(project: LoggedProject, runtime: Runtime, query: LogQuery) {
    this.#project = project;
    this.#runtime = runtime;
    this.#query = query;
    this.#signal = AbortSignal.any([this.#abort.signal, ...(query.signal ? [query.signal] : [])]);
  }

  async *lines(): AsyncGenerator<ProjectLogLine> {
    try {
      yield* mergedLines(
        this.#sources().map((source) => this.#past(source)),
        this.#query.tail,
      );
      if (this.#query.follow) yield* this.#coming();
    } finally {
      this.#abort.abort();
    }
  }

  /** What lies prepared has its earlier output. */
  #sources(): readonly Source[] {
    const wanted = this.#query.revision;
    return this.#instances()
      .filter(({ state, revision }) => state !== 'preparing' && (wanted ?? revision) === revision)
      .map(({ id, revision }) => ({ instanceId: id, revision }));
  }

  #instances(): readonly InstanceEntry[] {
    return this.#project.services().flatMap(({ state }) => state?.instances ?? []);
  }

  #past(source: Source): AsyncIterable<ProjectLogLine> {
    const { tail, since, follow = false } = this.#query;
    const mark = this.#markOf(source);
    const lines = this.#linesOf(source, {
      ...(tail === undefined ? {} : { tail: follow ? mark.tailFor(tail) : tail }),
      ...(since === undefined ? {} : { since }),
    });
    return follow ? mark.noting(lines) : lines;
  }

  /** New lines of whom there is, and all of whoever comes. */
  async *#coming(): AsyncGenerator<ProjectLogLine> {
    const inbox = new LogInbox<ProjectLogLine>();
    const readers = new Readers();
    const endWithProject = (): void => {
      const { own } = this.#project;
      if (own.isClosed || (own.state?.wanted === 'deleted' && readers.count === 0)) inbox.close();
    };
    const look = (): void => {
      for (const source of this.#sources()) readers.add(source.instanceId, () => this.#follow(source, inbox));
      this.#forgetGone();
      endWithProject();
    };
    const changes = new Services(this.#project, look);
    readers.onEnd = endWithProject;
    const close = (): void => inbox.close();
    this.#signal.addEventListener('abort', close, { once: true });
    look();
    try {
      if (!this.#signal.aborted) yield* inbox.lines();
    } finally {
      this.#signal.removeEventListener('abort', close);
      changes.close();
      this.#abort.abort();
      inbox.close();
    }
  }

  /** Never fails: what is wrong is told to the inbox. */
  async #follow(source: Source, inbox: LogInbox<ProjectLogLine>): Promise<void> {
    const mark = this.#markOf(source);
    const since = mark.at ?? this.#query.since;
    const lines = this.#linesOf(source, { follow: true, ...(since === undefined ? {} : { since }) });
    try {
      for await (const line of mark.noting(mark.after(lines))) await inbox.put(line);
    } catch (error) {
      if (!this.#signal.aborted) inbox.fail(error);
    }
  }

  /** No id comes again. */
  #forgetGone(): void {
    const there = new Set(this.#instances().map(({ id }) => id));
    for (const id of this.#marks.keys()) if (!there.has(id)) this.#marks.delete(id);
  }

  #markOf({ instanceId }: Source): ReadMark {
    const known = this.#marks.get(instanceId) ?? new ReadMark();
    this.#marks.set(instanceId, known);
    return known;
  }

  async *#linesOf({ instanceId, revision }: Source, options: LogOptions): AsyncGenerator<ProjectLogLine> {
    try {
      const lines = this.#runtime.logs(instanceId, { ...options, signal: this.#signal });
      for await (const { at, stream, text } of lines) yield { at, stream, text, instanceId, revision };
    } catch (error) {
      // It could not be made, or is gone by now.
      if (!isLumaError(error, 'instance_not_found')) throw error;
    }
  }
}

/** One for each instance. Its output ends when it is gone, or not made yet: a change of its project is worth another look. */
class Readers {
  readonly #reading = new Set<string>();
  onEnd: () => void = () => undefined;

  get count(): number {
    return this.#reading.size;
  }

  add(instanceId: string, read: () => Promise<void>): void {
    if (this.#reading.has(instanceId)) return;
    this.#reading.add(instanceId);
    void read().finally(() => {
      this.#reading.delete(instanceId);
      this.onEnd();
    });
  }
}

/** Tells of every change of a project's services, also of those that come later. */
class Services {
  readonly #stops = new Map<ProjectSupervisor, () => void>();
  readonly #stop: () => void;

  constructor(project: LoggedProject, listener: () => void) {
    const meet = (): void => {
      const services = project.services();
      for (const [service, stop] of this.#stops) {
        if (services.includes(service)) continue;
        stop();
        this.#stops.delete(service);
      }
      for (const service of services) {
        if (!this.#stops.has(service)) this.#stops.set(service, service.onChange(listener));
      }
    };
    this.#stop = project.onServices(() => {
      meet();
      listener();
    });
    meet();
  }

  close(): void {
    this.#stop();
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }
}
