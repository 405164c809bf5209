/**
 * Milliseconds that mean the same in every process of this machine, for stamps on the board.
 * In Bun performance.now(), Bun.nanoseconds() and process.hrtime() all count from the start of the process, and
 * wall clocks jump; so the kernel is asked for CLOCK_MONOTONIC itself, once, and performance.now(), which is the same
 * clock from another start, goes on from there.
 */
import { dlopen, ptr } from 'bun:ffi';
import { readFileSync } from 'node:fs';
import { LumaError, messageOf } from '../../base/errors.ts';

const CLOCK_MONOTONIC = process.platform === 'darwin' ? 6 : 1;
const LIBRARIES =
  process.platform === 'darwin'
    ? ['/usr/lib/libSystem.B.dylib']
    : ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`];

const CLOCK_TRIES = 8;

/** What the kernel's clock is ahead of performance.now(), milliseconds. */
let aheadMs: number | null = null;

export function machineNowMs(): number {
  aheadMs ??= measureAheadMs();
  return Math.trunc(aheadMs + performance.now());
}

/** Names the boot that the clock counts from (as one cell); 0 where the system does not tell. */
export function bootMark(): number {
  if (process.platform !== 'linux') return 0;
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  return Number.parseInt(bootId.slice(0, 8), 16) | 0 || 1;
}

/** Of some tries the shortest counts: in a longer one the process was made to wait between the two clocks. */
function measureAheadMs(): number {
  const askKernelMs = openKernelClock();
  let shortestMs = Number.POSITIVE_INFINITY;
  let measuredMs = 0;
  for (let tried = 0; tried < CLOCK_TRIES; tried++) {
    const beforeMs = performance.now();
    const kernelMs = askKernelMs();
    const tookMs = performance.now() - beforeMs;
    if (tookMs >= shortestMs) continue;
    shortestMs = tookMs;
    measuredMs = kernelMs - beforeMs - tookMs / 2;
  }
  return measuredMs;
}

function openKernelClock(): () => number {
  // struct timespec of a 64-bit system: seconds, nanoseconds. Over a buffer of its own: the memory of a small typed
  // array without one moves when code that uses it is compiled, and the kernel would write where it was.
  const timespec = new DataView(new ArrayBuffer(16));
  const failures: string[] = [];
  for (const library of LIBRARIES) {
    try {
      const { symbols } = dlopen(library, { clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' } });
      return () => {
        symbols.clock_gettime(CLOCK_MONOTONIC, ptr(timespec));
        return timespec.getUint32(0, true) * 1000 + timespec.getUint32(8, true) / 1e6;
      };
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new LumaError('no_machine_clock', `the system clock cannot be reached: ${failures.join('; ')}`, {
    hint: 'Luma runs on 64-bit Linux (glibc or musl) and macOS',
  });
}
