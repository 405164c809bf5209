import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tellServiceManager } from './service-manager.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'luma-notify-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** What python hears, as systemd would: no other program here listens for datagrams on a Unix socket. */
async function heardOn(address: string): Promise<string> {
  const program = `import socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)
a=sys.argv[1]
s.bind(('\\0'+a[1:]) if a.startswith('@') else a)
print('bound',flush=True)
print(s.recv(1000).decode(),end='')`;
  const child = Bun.spawn(['python3', '-c', program, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  for await (const bytes of child.stdout) {
    heard += Buffer.from(bytes).toString();
    if (heard === 'bound\n') tellServiceManager(address);
  }
  return heard;
}

const SAID = `bound\nREADY=1\nMAINPID=${process.pid}\nSTATUS=serving\n`;

test('a service manager hears who is the service now, by a path or by an abstract name', async () => {
  expect(await heardOn(join(dir, 'notify'))).toBe(SAID);
  expect(await heardOn(`@luma-notify-${process.pid}`)).toBe(SAID);
});

test('one that is not there is named', () => {
  expect(() => tellServiceManager(join(dir, 'nothing'))).toThrow('does not listen on');
});
