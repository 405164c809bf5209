/**
 * The documents of test/http1/ against Luma, nginx, HAProxy, Caddy and Go's ReverseProxy, each as a plain reverse proxy
 * to a recording target; scores side by side, as they are. Cases whose sentence says MUST are counted by themselves.
 *   bun bench/conformance.ts [--only luma,nginx] [--verbose]
 */
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EdgeFixture, RawClient } from '../src/edge/exchange/edge.fixture.ts';
import { type ProtocolCase, readCases } from '../test/http1/case-document.ts';
import { judge, type Run } from './conformance/judge.ts';
import { readMessages } from './conformance/messages.ts';
import { Processes, untilListening } from './peers/processes.ts';
import { PROXY_NAMES, proxy } from './peers/proxies.ts';
import { printTable } from './statistics.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'luma,nginx,haproxy,caddy,go' },
    verbose: { type: 'boolean', default: false },
  },
});

const FIRST_PORT = 19_300;
/** A server that says nothing for so long will not. */
const PATIENCE_MS = 500;
/** What is to come after all that was expected. */
const GRACE_MS = 15;
const CLOSE = '{close}\r\n';
/** What the target says to a request that should not have come. */
const SURPRISED = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** The target: says what the case says, once it has seen what the case wants it to see. */
class RecordingTarget {
  seen = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #case: ProtocolCase | null = null;
  #answered = 0;

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  begin(one: ProtocolCase): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#case = one;
    this.seen = '';
    this.#answered = 0;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      this.seen += bytes.toString('latin1');
      while (this.#mayAnswer()) {
        const answer = this.#case?.answer[this.#answered++] ?? SURPRISED;
        const isClosing = answer.endsWith(CLOSE);
        socket.write(isClosing ? answer.slice(0, -CLOSE.length) : answer, 'latin1');
        if (isClosing) socket.end();
      }
    });
  }

  #mayAnswer(): boolean {
    const expected = this.#case?.target[this.#answered];
    const given = readMessages(this.seen, 'requests');
    if (expected === undefined || this.#case?.answer[this.#answered] === undefined)
      return given.messages.filter(({ isComplete }) => isComplete).length > this.#answered;
    const soFar = this.#case.target.slice(0, this.#answered + 1).join('');
    const wanted = readMessages(soFar, 'requests').messages;
    if (!/HTTP\/1\.\d\r\n/.test(expected)) return this.seen.endsWith(expected);
    const last = wanted.at(-1);
    const match = given.messages[wanted.length - 1];
    if (last === undefined || match === undefined || match.body.length < last.body.length) return false;
    return match.isComplete || !last.isComplete;
  }
}

async function run(one: ProtocolCase, port: number, target: RecordingTarget): Promise<Run> {
  target.begin(one);
  await Bun.sleep(5);
  const client = new RawClient(port);
  await client.connected;
  const isClosing = one.gets.endsWith(CLOSE);
  for (const [index, text] of one.client.entries()) {
    if (index > 0) await until(() => client.received.length > 0 || client.ending !== null);
    if (index > 0) await Bun.sleep(GRACE_MS);
    if (client.ending === null) client.send(text);
  }
  const finals = finalsIn(
    one.gets.replaceAll(/\{(\d{3}) [^}]*\}\r\n/g, 'HTTP/1.1 $1 X\r\nContent-Length: 0\r\n\r\n'),
  );
  await until(() => client.ending !== null || (!isClosing && finalsIn(client.received) >= finals));
  await Bun.sleep(GRACE_MS);
  const hasClosed = client.ending !== null;
  client.socket.destroy();
  return { seen: target.seen, got: client.received, hasClosed };
}

function finalsIn(text: string): number {
  return [...text.matchAll(/HTTP\/1\.\d (?!1(?!01)\d\d)\d{3}[^\r]*\r\n(?:[^\r\n]+\r\n)*\r\n/g)].length;
}

async function until(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!condition() && performance.now() < untilMs) await Bun.sleep(1);
}

interface Score {
  must: number;
  mustAll: number;
  other: number;
  otherAll: number;
  readonly wrong: string[];
}

async function scoreOf(name: string, port: number, target: RecordingTarget): Promise<Score> {
  const score: Score = { must: 0, mustAll: 0, other: 0, otherAll: 0, wrong: [] };
  for (const one of readCases(join(import.meta.dirname, '../test/http1'))) {
    const why = judge(one, await run(one, port, target));
    const isMust = one.sentence.includes('MUST');
    if (isMust) score.mustAll++;
    else score.otherAll++;
    if (why === null && isMust) score.must++;
    else if (why === null) score.other++;
    else score.wrong.push(`${name}: ${isMust ? 'MUST ' : ''}${one.file}: ${one.name}: ${why}`);
  }
  return score;
}

const processes = new Processes();
const target = new RecordingTarget();
const fixture = new EdgeFixture({
  requestHeadBytesMax: 4_096,
  requestTargetBytesMax: 1_024,
  headFieldsMax: 20,
});
try {
  const targetPort = await target.listen();
  const names = values.only.split(',');
  const ports = new Map<string, number>();
  fixture.serve([targetPort], { hosts: ['a.test', '::1'] });
  if (names.includes('luma')) ports.set('luma', fixture.port);
  for (const [index, name] of PROXY_NAMES.entries()) {
    if (!names.includes(name)) continue;
    const peer = proxy(name, FIRST_PORT + index, targetPort, processes);
    processes.start(peer.command, null, peer.env);
    await untilListening(peer.port);
    ports.set(name, peer.port);
  }
  const scores = new Map<string, Score>();
  for (const [name, port] of ports) scores.set(name, await scoreOf(name, port, target));
  if (values.verbose) for (const { wrong } of scores.values()) console.log(wrong.join('\n'));
  printTable(
    ['server', 'MUST', 'of', 'other', 'of', 'right'],
    [...scores].map(([name, score]) => [
      name,
      String(score.must),
      String(score.mustAll),
      String(score.other),
      String(score.otherAll),
      `${(((score.must + score.other) / (score.mustAll + score.otherAll)) * 100).toFixed(0)} %`,
    ]),
  );
} finally {
  target.close();
  fixture.close();
  await processes.stop();
}
