/**
 * One question to one instance, over a connection of its own or by a command in it: well, or why not. Goes past the edge, so
 * it is no traffic. Owns that connection until the answer is there.
 */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { checkText, type ProbeCheck } from '../../domain/probe.ts';
import type { InstanceAddress, Runtime } from '../../runtimes/contract.ts';
import { ANSWER_HEAD_BYTES_MAX, REASON_CHARACTERS_MAX } from './limits.ts';

export interface AttemptNeeds {
  readonly clock: Clock;
  readonly runtime: Pick<Runtime, 'exec'>;
}

export interface Question {
  readonly instanceId: string;
  readonly address: InstanceAddress;
  readonly check: ProbeCheck;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Null: well. Else why not, as the rest of a sentence. Rejects only with the signal's reason, or where the engine is away. */
export async function ask(needs: AttemptNeeds, question: Question): Promise<string | null> {
  const { check } = question;
  const reason = await (check.kind === 'exec'
    ? askByCommand(needs, question, check.command)
    : askByConnection(needs.clock, question, check));
  return reason === null ? null : `${checkText(check)}: ${reason}`;
}

async function askByCommand(
  { runtime }: AttemptNeeds,
  { instanceId, timeoutMs, signal }: Question,
  command: readonly string[],
): Promise<string | null> {
  const { code, output } = await runtime.exec(instanceId, command, { timeoutMs, signal });
  if (code === 0) return null;
  const last = output.trim().slice(-REASON_CHARACTERS_MAX);
  const words = last === '' ? '' : `, and said: ${last}`;
  return code === null ? `was not over within ${timeoutMs / 1_000} s${words}` : `ended with ${code}${words}`;
}

/** Where something accepts before the app does, a connection says nothing: an answer is needed, of any kind. */
function askByConnection(
  clock: Clock,
  { address, timeoutMs, signal }: Question,
  check: Exclude<ProbeCheck, { kind: 'exec' }>,
): Promise<string | null> {
  const port = check.port ?? address.port;
  const request =
    check.kind === 'http_get'
      ? requestText(check.path, address.host, port, check.headers)
      : address.readiness === 'request'
        ? requestText('/', address.host, port, {})
        : null;
  const wantsSuccess = check.kind === 'http_get';
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket: Socket = connect({ host: address.host, port });
    const end = (reason: string | null): void => {
      finish();
      resolve(reason);
    };
    const finish = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
    };
    const onAbort = (): void => {
      finish();
      reject(signal.reason);
    };
    const timer = clock.after(timeoutMs, () => end(`no answer within ${timeoutMs / 1_000} s`));
    signal.addEventListener('abort', onAbort, { once: true });
    let head = '';
    socket.on('connect', () => {
      if (request === null) end(null);
      else socket.write(request);
    });
    socket.on('data', (bytes: Buffer) => {
      head += bytes.toString('latin1');
      const verdict = verdictOf(head, wantsSuccess);
      if (verdict !== undefined) end(verdict);
    });
    socket.on('error', (error: Error) => end(reasonOf(error)));
    socket.on('close', () => end('the connection ended without an answer'));
  });
}

/** Undefined: not whole yet. Interim answers (1xx) are passed over. */
function verdictOf(text: string, wantsSuccess: boolean): string | null | undefined {
  let rest = text;
  for (;;) {
    const line = /^([^\r\n]*)\r?\n/.exec(rest);
    if (!line) return rest.length > ANSWER_HEAD_BYTES_MAX ? 'its answer is no HTTP' : undefined;
    const status = /^HTTP\/1\.[01] ([1-9]\d\d)(?: |$)/.exec(line[1] ?? '')?.[1];
    if (status === undefined) return 'its answer is no HTTP';
    if (!status.startsWith('1')) {
      return !wantsSuccess || status.startsWith('2') ? null : `answered with status ${status}`;
    }
    const end = rest.search(/\r?\n\r?\n/);
    if (end < 0) return rest.length > ANSWER_HEAD_BYTES_MAX ? 'its answer is no HTTP' : undefined;
    rest = rest.slice(end).replace(/^\r?\n\r?\n/, '');
  }
}

/** What the check names takes the place of ours. */
function requestText(
  path: string,
  host: string,
  port: number,
  headers: Readonly<Record<string, string>>,
): string {
  const own = Object.entries(headers);
  const named = new Set(own.map(([name]) => name.toLowerCase()));
  const address = host.includes(':') ? `[${host}]` : host;
  const standard = [
    ['Host', port === 80 ? address : `${address}:${port}`],
    ['User-Agent', 'luma-probe'],
    ['Accept', '*/*'],
  ] as const;
  const lines = [...standard.filter(([name]) => !named.has(name.toLowerCase())), ...own];
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `GET ${path} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`;
}

function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'the connection was refused';
  return code === 'ECONNRESET' ? 'the connection was reset' : messageOf(error);
}
