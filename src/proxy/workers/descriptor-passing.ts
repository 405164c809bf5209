/**
 * Open files from one process to another (SCM_RIGHTS): how the next daemon gets the listening sockets and the
 * board from the workers that the last one left. Linux on 64-bit machines; owns only the sockets of the passing.
 */

import { ptr } from 'bun:ffi';
import { unlinkSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import {
  AF_UNIX,
  closeFd,
  EAGAIN,
  errno,
  libc,
  MSG_CMSG_CLOEXEC,
  openStreamSocket,
  SCM_RIGHTS,
  SOCK_CLOEXEC,
  SOL_SOCKET,
} from './libc.ts';

/** SCM_MAX_FD of the kernel is 253. */
const DESCRIPTORS_MAX = 64;
const LOOK_AGAIN_MS = 1;
const CONTROL_HEADER_BYTES = 16;
const MESSAGE_HEADER_BYTES = 56;

/** Sends the descriptors, in order, to whoever listens on the path; they stay open here too. */
export function handOver(path: string, fds: readonly number[]): void {
  const socket = openStreamSocket(AF_UNIX);
  const name = unixAddress(path);
  try {
    if (libc().connect(socket, ptr(name), name.byteLength) !== 0) throw passingError('reach', path);
    const message = new PassedMessage(fds.length);
    message.setDescriptors(fds);
    if (libc().sendmsg(socket, message.address, 0) < 0) throw passingError('send to', path);
  } finally {
    closeFd(socket);
  }
}

/** Listens for one hand-over; `receive` resolves with the descriptors, or rejects when the signal says so. */
export class DescriptorReceiver {
  readonly #path: string;
  readonly #socket: number;

  constructor(path: string) {
    this.#path = path;
    this.#socket = openStreamSocket(AF_UNIX);
    const name = unixAddress(path);
    if (libc().bind(this.#socket, ptr(name), name.byteLength) !== 0) throw passingError('bind', path);
    if (libc().listen(this.#socket, 1) !== 0) throw passingError('listen on', path);
  }

  async receive(clock: Clock, signal: AbortSignal): Promise<number[]> {
    for (;;) {
      const peer = libc().accept4(this.#socket, null, null, SOCK_CLOEXEC);
      if (peer >= 0) return readDescriptors(peer, this.#path);
      if (errno() !== EAGAIN) throw passingError('accept on', this.#path);
      await delay(clock, LOOK_AGAIN_MS, signal);
    }
  }

  close(): void {
    closeFd(this.#socket);
    unlinkSync(this.#path);
  }
}

/** The sender writes right after it connects, so this blocking read is as long as its one system call. */
function readDescriptors(peer: number, path: string): number[] {
  try {
    const message = new PassedMessage(DESCRIPTORS_MAX);
    if (libc().recvmsg(peer, message.address, MSG_CMSG_CLOEXEC) < 0) throw passingError('receive from', path);
    return message.descriptors();
  } finally {
    closeFd(peer);
  }
}

/**
 * `struct msghdr` with one byte of data and room for so many descriptors. Every part begins as an ArrayBuffer:
 * a small typed array moves when its `buffer` is first asked for, and pointers taken before would dangle.
 */
class PassedMessage {
  readonly #data = new DataView(new ArrayBuffer(8));
  readonly #vector = new DataView(new ArrayBuffer(16));
  readonly #control: DataView;
  readonly #header = new DataView(new ArrayBuffer(MESSAGE_HEADER_BYTES));

  constructor(room: number) {
    const space = CONTROL_HEADER_BYTES + Math.ceil((4 * room) / 8) * 8;
    this.#control = new DataView(new ArrayBuffer(space));
    this.#vector.setBigUint64(0, BigInt(ptr(this.#data)), true);
    this.#vector.setBigUint64(8, 1n, true);
    this.#header.setBigUint64(16, BigInt(ptr(this.#vector)), true);
    this.#header.setBigUint64(24, 1n, true);
    this.#header.setBigUint64(32, BigInt(ptr(this.#control)), true);
    this.#header.setBigUint64(40, BigInt(space), true);
  }

  get address(): ReturnType<typeof ptr> {
    return ptr(this.#header);
  }

  setDescriptors(fds: readonly number[]): void {
    const length = CONTROL_HEADER_BYTES + 4 * fds.length;
    this.#control.setBigUint64(0, BigInt(length), true);
    this.#control.setInt32(8, SOL_SOCKET, true);
    this.#control.setInt32(12, SCM_RIGHTS, true);
    for (const [index, fd] of fds.entries()) {
      this.#control.setInt32(CONTROL_HEADER_BYTES + 4 * index, fd, true);
    }
    this.#header.setBigUint64(40, BigInt(length), true);
  }

  descriptors(): number[] {
    if (this.#header.getBigUint64(40, true) < CONTROL_HEADER_BYTES) return [];
    const count = (Number(this.#control.getBigUint64(0, true)) - CONTROL_HEADER_BYTES) / 4;
    return Array.from({ length: count }, (_, index) =>
      this.#control.getInt32(CONTROL_HEADER_BYTES + 4 * index, true),
    );
  }
}

function unixAddress(path: string): Uint8Array {
  const bytes = new Uint8Array(110);
  bytes[0] = AF_UNIX;
  bytes.set(Buffer.from(path), 2);
  return bytes;
}

function passingError(deed: string, path: string): LumaError {
  return new LumaError('hand_over_failed', `cannot ${deed} ${path} (errno ${errno()})`);
}
