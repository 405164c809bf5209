import { expect, test } from 'bun:test';
import { EventEmitter } from 'node:events';
import { guardStandardStreams } from './standard-streams.ts';

test('tells once that stdout is gone, however often it fails', () => {
  const streams = { stdout: new EventEmitter(), stderr: new EventEmitter() };
  let told = 0;
  guardStandardStreams(() => told++, streams);
  streams.stdout.emit('error', new Error('EPIPE'));
  streams.stdout.emit('error', new Error('EPIPE'));
  expect(told).toBe(1);
});

test('survives a lost stderr in silence', () => {
  const streams = { stdout: new EventEmitter(), stderr: new EventEmitter() };
  let told = 0;
  guardStandardStreams(() => told++, streams);
  expect(() => streams.stderr.emit('error', new Error('EPIPE'))).not.toThrow();
  expect(told).toBe(0);
});

test('keeps a real program from dying when the reader of its pipe leaves', async () => {
  const module = new URL('./standard-streams.ts', import.meta.url).pathname;
  const program = `
    import { guardStandardStreams } from ${JSON.stringify(module)};
    guardStandardStreams(() => process.exit(7));
    const write = () => { process.stdout.write('line\\n'.repeat(2000)); setImmediate(write); };
    write();`;
  const child = Bun.spawn(
    ['sh', '-c', '{ "$1" -e "$2"; echo $? >&2; } | head -n 1', 'sh', process.execPath, program],
    {
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  expect(await new Response(child.stdout).text()).toBe('line\n');
  expect((await new Response(child.stderr).text()).trim()).toBe('7');
});
