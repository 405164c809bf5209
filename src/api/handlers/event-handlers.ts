/** A project's events: a list, or followed as server-sent events. */
import type { z } from '@hono/zod-openapi';
import { validationFailed } from '../field-problems.ts';
import { EVENTS_LISTED_DEFAULT } from '../limits.ts';
import { toProblem } from '../problem.ts';
import { toEventJson } from '../project-json.ts';
import type { Call } from '../route.ts';
import { type eventsQuerySchema, isFlagSet } from '../schemas/queries.ts';
import { PING, serverSentEvent, streamBody } from '../streams/event-stream-body.ts';
import { type FollowedItem, followEvents } from '../streams/followed-events.ts';

type EventsCall = Call<z.output<typeof eventsQuerySchema>>;

export async function getEvents(call: EventsCall): Promise<Response> {
  const { name, query, deps } = call;
  await deps.control.getProject(name);
  if (isFlagSet(query.follow)) return followed(call);
  const limit = Number(query.limit ?? EVENTS_LISTED_DEFAULT);
  const afterId = query.after === undefined ? {} : { afterId: Number(query.after) };
  const events = await deps.control.events(name, { limit, ...afterId });
  return Response.json({ events: events.map(toEventJson) });
}

function followed(call: EventsCall): Response {
  const { name, deps } = call;
  const afterId = startOf(call);
  const controller = deps.streams.open();
  const body = streamBody({
    source: followEvents(deps.control, name, afterId, controller.signal),
    encode,
    encodeFailure: (error) => serverSentEvent(toProblem(error, deps.log), { event: 'problem' }),
    ping: PING,
    clock: deps.clock,
    controller,
  });
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
}

/** What the client saw last: `Last-Event-ID` of a resumed stream goes before `after` of the first one. */
function startOf({ request, query }: EventsCall): number | null {
  const lastId = request.headers.get('Last-Event-ID');
  if (lastId === null || lastId === '') return query.after === undefined ? null : Number(query.after);
  if (/^\d{1,15}$/.test(lastId)) return Number(lastId);
  const message = 'must be the id of an event';
  throw validationFailed([{ field: 'Last-Event-ID', code: 'wrong_type', message }], 'the headers');
}

function encode(item: FollowedItem): string {
  return item.kind === 'following'
    ? serverSentEvent({}, { event: 'following', id: item.afterId })
    : serverSentEvent(toEventJson(item.event), { id: item.event.id });
}
