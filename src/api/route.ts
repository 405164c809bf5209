/** What a row of the route table is made of. */
import type { z } from '@hono/zod-openapi';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ControlPlaneDoor } from '../control/contract.ts';
import type { UrlOf } from './project-json.ts';
import type { StreamRegistry } from './streams/stream-registry.ts';
import type { Turns } from './turns.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What handlers work with. */
export interface Deps {
  readonly control: ControlPlaneDoor;
  readonly clock: Clock;
  readonly log: Log;
  readonly urlOf: UrlOf;
  readonly streams: StreamRegistry;
  /** One change of a project at a time: a PATCH reads, then writes. */
  readonly turns: Turns;
}

export interface Call<Query> {
  readonly request: Request;
  /** The project named in the path; '' where the path names none. */
  readonly name: string;
  /** The registry named in the path, in its normal form; '' where the path names none. */
  readonly registry: string;
  readonly query: Query;
  readonly deps: Deps;
}

export interface RouteSpec<Q extends z.ZodObject> {
  readonly method: Method;
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly query?: Q;
  /** The schema of the body; handlers read it with `readJsonBody`. */
  readonly body?: z.ZodType;
  readonly responses: Readonly<Record<number, Answer>>;
  /** Codes of `problem.ts` a caller should expect here besides those of every route. */
  readonly problems: readonly string[];
  handle(call: Call<z.output<Q>>): Promise<Response>;
}

export interface Answer {
  readonly description: string;
  /** By media type; none for an empty answer. */
  readonly content?: Readonly<Record<string, z.ZodType>>;
}

/** A row as the table keeps it: what the query was validated to is known to its handler alone. */
export type Route = Omit<RouteSpec<z.ZodObject>, 'handle'> & {
  handle(call: Call<unknown>): Promise<Response>;
};

export function route<Q extends z.ZodObject = z.ZodObject<Record<never, never>>>(spec: RouteSpec<Q>): Route {
  return { ...spec, handle: (call) => spec.handle(call as Call<z.output<Q>>) };
}
