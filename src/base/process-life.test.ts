/** Life and death of processes, on real ones. */
import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { isAlive } from './process-life.ts';

test('one that runs is alive, and is not once it has ended', async () => {
  const child = Bun.spawn(['sleep', '60']);
  expect(isAlive(child.pid)).toBe(true);
  child.kill('SIGKILL');
  await child.exited;
  expect(isAlive(child.pid)).toBe(false);
});

test('a zombie is dead, although a signal still reaches it', async () => {
  // The shell becomes a program that never asks how its child ended.
  const parent = Bun.spawn(['sh', '-c', 'sleep 60 & echo $!; exec sleep 60'], { stdout: 'pipe' });
  try {
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    while (readFileSync(`/proc/${parent.pid}/comm`, 'latin1') !== 'sleep\n') await Bun.sleep(1);
    process.kill(pid, 'SIGKILL');
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await Bun.sleep(1);
    expect(process.kill(pid, 0)).toBe(true);
    expect(isAlive(pid)).toBe(false);
  } finally {
    parent.kill('SIGKILL');
    await parent.exited;
  }
});

test('a name that looks like a state does not mislead', async () => {
  const child = Bun.spawn(['bash', '-c', 'printf ") Z 1" > /proc/self/comm; read'], { stdin: 'pipe' });
  try {
    while (!readFileSync(`/proc/${child.pid}/stat`, 'latin1').includes(') Z 1')) await Bun.sleep(1);
    expect(isAlive(child.pid)).toBe(true);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
});
