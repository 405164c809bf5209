import { afterAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readElfNeeds } from './elf.ts';
import { sandboxProgram } from './sandbox-program.ts';
import { dataAddress, type Processor } from './static-elf.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-sandbox-'));
afterAll(() => rmSync(folder, { recursive: true }));

const processors = ['amd64', 'arm64'] as const;
const ours: Processor | undefined = processors.find(
  (one) => one === { x64: 'amd64', arm64: 'arm64' }[process.arch as string],
);

function written(processor: Processor): string {
  const path = join(folder, processor);
  if (!existsSync(path)) writeFileSync(path, sandboxProgram(processor), { mode: 0o755 });
  return path;
}

/** Waits until the program sleeps: it does so in one place only, behind the blocking of its signals. */
async function untilAsleep(pid: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const status = await Bun.file(`/proc/${pid}/status`).text();
    if (/^State:\tS/m.test(status)) return;
    if (performance.now() > deadline) throw new Error(`it does not wait for signals:\n${status}`);
    await Bun.sleep(1);
  }
}

describe.each(processors)('the sandbox program for %s', (processor) => {
  test('is a static program of a few hundred bytes, which needs no loader', () => {
    const bytes = sandboxProgram(processor);
    expect(bytes.length).toBeLessThan(300);
    const read = (offset: number, length: number): Uint8Array => bytes.subarray(offset, offset + length);
    expect(readElfNeeds(read)).toEqual({ interpreter: null, needed: [] });
  });

  test('is what readelf takes for a program of this processor that cannot write to its own code', () => {
    const shown = Bun.spawnSync(['readelf', '-h', '-l', '-W', written(processor)]);
    const text = shown.stdout.toString();
    expect(shown.stderr.toString()).toBe('');
    expect(text).toMatch(/Type:\s+EXEC/);
    expect(text).toContain(processor === 'amd64' ? 'Advanced Micro Devices X86-64' : 'AArch64');
    expect(text).toMatch(/LOAD\s+0x0+ 0x0+400000 0x0+400000 (0x\w+) \1 R E 0x10000/);
    expect(text).toMatch(/GNU_STACK .* RW /);
    expect(text).not.toContain('WARNING');
  });

  test('begins behind its set of signals', () => {
    const view = new DataView(sandboxProgram(processor).buffer);
    expect(Number(view.getBigUint64(24, true))).toBe(dataAddress + 8);
    expect(view.getBigUint64(dataAddress - 0x40_0000, true)).toBe(0x4007n);
  });
});

test('the code for arm64 is what an assembler makes of it', () => {
  const bytes = sandboxProgram('arm64');
  const view = new DataView(bytes.buffer);
  const words: string[] = [];
  for (let at = dataAddress - 0x40_0000 + 8; at < bytes.length; at += 4) {
    words.push(view.getUint32(at, true).toString(16).padStart(8, '0'));
  }
  // llvm-mc on: mov x0,#0; adr x1,set; mov x2,#0; mov x3,#8; mov x8,#135; svc #0; wait: adr x0,set; mov x1,#0;
  // mov x2,#0; mov x3,#8; mov x8,#137; svc #0; tbnz w0,#31,wait; mov x0,#0; mov x8,#94; svc #0. It ran under QEMU.
  expect(words.join(' ')).toBe(
    'd2800000 10ffffa1 d2800002 d2800103 d28010e8 d4000001 10ffff00 d2800001 ' +
      'd2800002 d2800103 d2801128 d4000001 37ffff40 d2800000 d2800bc8 d4000001',
  );
});

describe('the sandbox program, on this machine', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)('ends with 0 on %s', async (signal) => {
    if (!ours) throw new Error(`there is no sandbox program for ${process.arch}`);
    const child = Bun.spawn([written(ours)], { stdio: ['ignore', 'ignore', 'ignore'] });
    await untilAsleep(child.pid);
    child.kill(signal);
    expect(await child.exited).toBe(0);
  });

  test('waits on after it was stopped and continued', async () => {
    if (!ours) throw new Error(`there is no sandbox program for ${process.arch}`);
    const child = Bun.spawn([written(ours)], { stdio: ['ignore', 'ignore', 'ignore'] });
    await untilAsleep(child.pid);
    child.kill('SIGSTOP');
    child.kill('SIGCONT');
    await untilAsleep(child.pid);
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    expect(await child.exited).toBe(0);
  });

  test('for arm64 runs under QEMU where that is installed', async () => {
    const emulator = Bun.which('qemu-aarch64') ?? Bun.which('qemu-aarch64-static');
    if (!emulator) return;
    const child = Bun.spawn([emulator, '-strace', written('arm64')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    for await (const chunk of child.stderr) {
      said += new TextDecoder().decode(chunk);
      if (said.includes('rt_sigprocmask')) child.kill('SIGTERM');
    }
    expect(await child.exited).toBe(0);
  });
});
