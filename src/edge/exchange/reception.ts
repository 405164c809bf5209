/**
 * What happens to a request between its head and the gate: to which service it belongs, and the answers that the edge
 * gives itself before any service is asked. The one place for them, whatever protocol the client speaks. No state.
 */
import type { RequestHead } from '../http1/request-head.ts';
import type { TargetProtocol } from '../routing/service-route.ts';
import type { ClientSide } from './client-side.ts';
import type { EdgeCore } from './edge-core.ts';
import { FAILURES, type Failure, failureAnswer, failureOfRequest } from './failure.ts';
import { isGrpc } from './grpc-answer.ts';
import { challengeAnswer, httpsAnswer, isChallengePath } from './https-answer.ts';
import { NO_BODY_BYTES, type OwnAnswer } from './own-answer.ts';
import { tellAnswered, tellRefused } from './request-record.ts';
import type { ServiceDesk } from './service-desk.ts';

const HEALTH_PATH = '/luma-proxy-health';

/** RFC 9110 §7.4: only a connection of its own kind may ask for an `https` address. */
const MISDIRECTED = { status: 421, reason: 'an https address over a connection that is not one' } as const;
const TRACE_REFUSED = { status: 405, reason: 'TRACE, which this server does not answer itself' } as const;

/** The desk of the service that is asked; null: the client has its answer. */
export function receive(core: EdgeCore, client: ClientSide, head: RequestHead): ServiceDesk | null {
  if (head.isSecureTarget && client.origin(head).proto !== 'https') {
    refuse(core, client, head, failureOfRequest(MISDIRECTED), core.requestIds.next(), false);
    return null;
  }
  if (head.maxForwards === 0) {
    answerAsLast(core, client, head);
    return null;
  }
  if (head.path === HEALTH_PATH) {
    client.answerOwn(HEALTHY, head, true);
    return null;
  }
  const isChallenge = isChallengePath(head.path);
  if (isChallenge) {
    const answer = challengeAnswer(core.tls.challenges, head);
    if (answer !== null) {
      answerOwn(core, client, head, answer, core.requestIds.next());
      return null;
    }
  }
  const route = core.table.find(head.host === null ? '' : head.host.name, head.path);
  const desk = route === null ? undefined : core.desks.get(route.name);
  if (desk !== undefined) {
    if (desk.route.tls !== null && isForHttps(core, client, head, desk, isChallenge)) return null;
    const failure = mismatchOf(client, head, desk.route.targetProtocol);
    if (failure === null) return desk;
    refuse(core, client, head, failure, head.requestId ?? core.requestIds.next(), true);
    return null;
  }
  refuse(core, client, head, FAILURES.unknownHost, head.requestId ?? core.requestIds.next(), true);
  return null;
}

/** What cannot be said in the protocol of the service's targets. */
function mismatchOf(client: ClientSide, head: RequestHead, protocol: TargetProtocol): Failure | null {
  if (protocol === 'h2c') return head.upgrade === null ? null : FAILURES.upgradeNeedsHttp1;
  return client.protocolOf(head) === 'HTTP/2' && isGrpc(head) ? FAILURES.grpcNeedsHttp2 : null;
}

/** The client has its answer: a question of a certificate authority that nobody knows of, or the way to HTTPS. */
function isForHttps(
  core: EdgeCore,
  client: ClientSide,
  head: RequestHead,
  { route }: ServiceDesk,
  isChallenge: boolean,
): boolean {
  if (!isChallenge && client.origin(head).proto === 'https') return false;
  const requestId = head.requestId ?? core.requestIds.next();
  if (isChallenge) {
    refuse(core, client, head, FAILURES.unknownChallenge, requestId, true);
    return true;
  }
  const answer = httpsAnswer(route, head, core.httpsPort, requestId);
  if (answer === null) return false;
  answerOwn(core, client, head, answer, requestId);
  return true;
}

const HEALTHY: OwnAnswer = {
  status: 200,
  reason: 'OK',
  lines: 'Content-Type: text/plain\r\nContent-Length: 3\r\nCache-Control: no-store\r\n',
  message: '',
  body: Buffer.from('ok\n'),
};

const OPTIONS: OwnAnswer = {
  status: 204,
  reason: 'No Content',
  lines: 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n',
  message: '',
  body: NO_BODY_BYTES,
};

/** RFC 9110 §7.6.2: `Max-Forwards: 0` makes us the final recipient. What TRACE would show is nobody's business. */
function answerAsLast(core: EdgeCore, client: ClientSide, head: RequestHead): void {
  if (head.method !== 'TRACE') client.answerOwn(OPTIONS, head, true);
  else refuse(core, client, head, failureOfRequest(TRACE_REFUSED), core.requestIds.next(), true);
}

function answerOwn(
  core: EdgeCore,
  client: ClientSide,
  head: RequestHead,
  answer: OwnAnswer,
  requestId: string,
): void {
  tellAnswered(core, client, answer.status, head, requestId);
  client.answerOwn(answer, head, true);
}

function refuse(
  core: EdgeCore,
  client: ClientSide,
  head: RequestHead,
  failure: Failure,
  requestId: string,
  mayPersist: boolean,
): void {
  tellRefused(core, client, failure, head, requestId);
  const request = { accept: head.fields.first('accept') ?? '', requestId };
  client.answerOwn(failureAnswer(failure, request), head, mayPersist);
}
