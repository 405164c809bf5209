/**
 * Milliseconds that mean the same in every process of this machine, for stamps on the board.
 * In Bun performance.now(), Bun.nanoseconds() and process.hrtime() all count from the start of the process, and
 * wall clocks jump; so this asks the kernel for CLOCK_MONOTONIC itself (about 45 ns a call: cache it per event).
 */
import { dlopen, ptr } from 'bun:ffi';
import { readFileSync } from 'node:fs';
import { LumaError, messageOf } from '../../base/errors.ts';

const CLOCK_MONOTONIC = process.platform === 'darwin' ? 6 : 1;
const LIBRARIES =
  process.platform === 'darwin'
    ? ['/usr/lib/libSystem.B.dylib']
    : ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`];

/** struct timespec of a 64-bit system: seconds, nanoseconds. Read by its low halves. */
const timespec = new Int32Array(4);
let askKernel: (() => number) | null = null;

export function machineNowMs(): number {
  askKernel ??= openKernelClock();
  askKernel();
  return (timespec[0]! >>> 0) * 1000 + Math.trunc(timespec[2]! / 1e6);
}

/** Names the boot that the clock counts from (as one cell); 0 where the system does not tell. */
export function bootMark(): number {
  if (process.platform !== 'linux') return 0;
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  return Number.parseInt(bootId.slice(0, 8), 16) | 0 || 1;
}

function openKernelClock(): () => number {
  const failures: string[] = [];
  for (const library of LIBRARIES) {
    try {
      const { symbols } = dlopen(library, { clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' } });
      const address = ptr(timespec);
      return () => symbols.clock_gettime(CLOCK_MONOTONIC, address);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new LumaError('no_machine_clock', `the system clock cannot be reached: ${failures.join('; ')}`, {
    hint: 'Luma runs on 64-bit Linux (glibc or musl) and macOS',
  });
}
