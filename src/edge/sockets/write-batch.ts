/**
 * What is written to one socket during one socket event, gathered so that a head and its body leave in one system call.
 * One batch for all sockets of the thread, owned here: it never outlives the event that made it.
 */
import { assert } from '../../base/errors.ts';

/** A socket whose writes are gathered. */
export interface BatchedSocket {
  /** Sends `bytes` up to `to`; they are the batch's own and change after it. */
  take(bytes: Buffer, to: number): void;
}

/** Native, and missing from the types: `write(text, at, 'latin1')` without its argument checks. */
interface Latin1Writer {
  latin1Write(text: string, at: number): number;
}

/** Copying more than this into the batch costs more than a system call of its own. */
export const BATCHED_BYTES_MAX = 16 * 1024;
const BATCH_BYTES = 64 * 1024;

const batch = Buffer.allocUnsafeSlow(BATCH_BYTES) as Buffer & Latin1Writer;
let batchLength = 0;
let batchSocket: BatchedSocket | null = null;
let eventDepth = 0;

/** At most BATCHED_BYTES_MAX characters, none above 255. */
export function batchText(socket: BatchedSocket, text: string): void {
  claimBatch(socket, text.length);
  batchLength += batch.latin1Write(text, batchLength);
  if (eventDepth === 0) flushBatch();
}

/** At most BATCHED_BYTES_MAX of them. */
export function batchBytes(socket: BatchedSocket, bytes: Buffer, from: number, to: number): void {
  claimBatch(socket, to - from);
  bytes.copy(batch, batchLength, from, to);
  batchLength += to - from;
  if (eventDepth === 0) flushBatch();
}

/** For who writes past the batch: what was gathered goes first. */
export function flushBatch(): void {
  const socket = batchSocket;
  if (socket === null) return;
  const length = batchLength;
  batchSocket = null;
  batchLength = 0;
  if (length > 0) socket.take(batch, length);
}

export function flushBatchOf(socket: BatchedSocket): void {
  if (batchSocket === socket) flushBatch();
}

/** What was gathered for it is never sent. */
export function forgetBatchOf(socket: BatchedSocket): void {
  if (batchSocket !== socket) return;
  batchSocket = null;
  batchLength = 0;
}

/** Runs `body` as one socket event: what it writes is gathered, and sent when it returns. */
export function asOneEvent(body: () => void): void {
  eventDepth++;
  try {
    body();
  } finally {
    endEvent();
  }
}

/** `asOneEvent` without a closure: each call is followed by one of `endEvent`, whatever happens in between. */
export function beginEvent(): void {
  eventDepth++;
}

export function endEvent(): void {
  eventDepth--;
  assert(eventDepth >= 0, 'socket events are balanced');
  if (eventDepth === 0) flushBatch();
}

function claimBatch(socket: BatchedSocket, needed: number): void {
  if (batchSocket !== socket || batchLength + needed > BATCH_BYTES) flushBatch();
  batchSocket = socket;
}
