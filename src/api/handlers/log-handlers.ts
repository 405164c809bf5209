/** A project's logs: server-sent events or plain lines, by Accept. */
import type { z } from '@hono/zod-openapi';
import type { LogQuery } from '../../control/contract.ts';
import { toProblem } from '../problem.ts';
import { type LogLine, toLogLineJson } from '../project-json.ts';
import type { Call } from '../route.ts';
import { isFlagSet, type logsQuerySchema, parseSince } from '../schemas/queries.ts';
import { PING, type StreamBodyOptions, serverSentEvent, streamBody } from '../streams/event-stream-body.ts';

type LogsCall = Call<z.output<typeof logsQuerySchema>>;

export async function getLogs(call: LogsCall): Promise<Response> {
  const { request, name, deps } = call;
  // An unknown project is answered 404, not an empty stream.
  await deps.control.getProject(name);
  const controller = deps.streams.open();
  try {
    const lines = await deps.control.logs(name, { ...queryOf(call), signal: controller.signal });
    const source = await startedUnlessFollowed(lines[Symbol.asyncIterator](), call);
    const isEvents = wantsEvents(request);
    const body = streamBody({
      source,
      clock: deps.clock,
      controller,
      ...(isEvents ? asEvents(call) : asPlainLines),
    });
    const type = isEvents ? 'text/event-stream' : 'text/plain; charset=utf-8';
    return new Response(body, { headers: { 'Content-Type': type } });
  } catch (error) {
    controller.abort();
    throw error;
  }
}

function queryOf({ query, deps }: LogsCall): LogQuery {
  const since = query.since === undefined ? null : parseSince(query.since, deps.clock.now());
  return {
    follow: isFlagSet(query.follow),
    ...(query.tail === undefined ? {} : { tail: Number(query.tail) }),
    ...(since === null ? {} : { since }),
    ...(query.revision === undefined ? {} : { revision: Number(query.revision) }),
  };
}

/** What fails before the first line still gets a status of its own. A followed log may have no line for long. */
async function startedUnlessFollowed(
  source: AsyncIterator<LogLine>,
  { query }: LogsCall,
): Promise<AsyncIterator<LogLine>> {
  if (isFlagSet(query.follow)) return source;
  let first: IteratorResult<LogLine> | null = await source.next();
  return {
    async next() {
      const next = first ?? (await source.next());
      first = null;
      return next;
    },
  };
}

type Encoding = Pick<StreamBodyOptions<LogLine>, 'encode' | 'encodeFailure' | 'ping'>;

const asPlainLines: Encoding = { encode: (line) => `${line.text}\n` };

function asEvents({ deps }: LogsCall): Encoding {
  return {
    encode: (line) => serverSentEvent(toLogLineJson(line)),
    encodeFailure: (error) => serverSentEvent(toProblem(error, deps.log), { event: 'problem' }),
    ping: PING,
  };
}

function wantsEvents(request: Request): boolean {
  return (request.headers.get('Accept') ?? '').toLowerCase().includes('text/event-stream');
}
