/** What a wake is compared with: the same program started with nothing around it, and connected to in a tight loop. */
import { connect } from 'node:net';
import type Docker from 'dockerode';
import { freePort } from '../../test/e2e/luma.ts';

export interface ByHand {
  /** Starts the program and resolves when it has answered. */
  start(): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export interface ContainerByHand extends ByHand {
  readonly id: string;
  pause(): Promise<void>;
  unpause(): Promise<void>;
}

/** Tries a connection again and again without a pause, then asks for `/`. */
async function askInTightLoop(host: string, port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((settled) => {
      const socket = connect(port, host);
      socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
      socket.on('data', () => {
        settled(true);
        socket.destroy();
      });
      socket.on('error', () => settled(false));
      socket.on('close', () => settled(false));
    });
    if (isOpen) return;
  }
}

export async function containerByHand(docker: Docker, image: string): Promise<ContainerByHand> {
  const container = await docker.createContainer({
    Image: image,
    ExposedPorts: { '8080/tcp': {} },
    HostConfig: { Init: true, PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
  });
  return {
    id: container.id,
    async start() {
      await container.start();
      const { NetworkSettings } = await container.inspect();
      await askInTightLoop(NetworkSettings.Networks['bridge']?.IPAddress ?? '', 8080);
    },
    stop: () => container.stop({ t: 10 }),
    pause: () => container.pause(),
    unpause: () => container.unpause(),
    remove: () => container.remove({ force: true }),
  };
}

export async function processByHand(command: readonly string[]): Promise<ByHand> {
  const port = await freePort();
  let child: Bun.Subprocess | null = null;
  return {
    async start() {
      const env = { PATH: '/usr/bin:/bin', PORT: String(port) };
      child = Bun.spawn([...command], { env, stdio: ['ignore', 'ignore', 'ignore'] });
      await askInTightLoop('127.0.0.1', port);
    },
    async stop() {
      child?.kill('SIGTERM');
      await child?.exited;
    },
    remove: async () => undefined,
  };
}
