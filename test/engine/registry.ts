/** A real image registry on loopback of a private engine's network namespace, so that it needs no TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subprocess } from 'bun';
import Docker from 'dockerode';
import type { TestEngine } from './engine.ts';

export interface RegistryAccount {
  readonly username: string;
  readonly password: string;
}

/** The namespace is the engine's own: no other program has this port there. */
const port = 5000;
const startLimitMs = 20_000;

export interface TestRegistry {
  /** As in an image reference: `127.0.0.1:5000`. */
  readonly host: string;
  /** Pushes an image the engine has, under this name and tag, and forgets it locally. Returns the reference. */
  push(image: string, name: string, tag: string): Promise<string>;
  /** Accepts and says nothing, so that whatever is pulled takes as long as this lasts. */
  hang(): void;
  goOn(): void;
  /** Stops answering, keeps its images. */
  halt(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** With an account, nobody else may push or pull. */
export async function withRegistry(
  engine: TestEngine,
  account: RegistryAccount | null = null,
): Promise<TestRegistry> {
  const namespace = engine.facts['LUMA_ENGINE_NETNS'];
  if (!namespace) throw new Error('a registry needs a private engine');
  const folder = mkdtempSync(join(tmpdir(), 'luma-registry-'));
  const config = join(folder, 'config.yml');
  writeFileSync(
    config,
    configOf(join(folder, 'data'), account ? await writeAccounts(folder, account) : null),
  );
  const docker = new Docker({ socketPath: engine.dockerHost.replace('unix://', '') });
  const host = `127.0.0.1:${port}`;
  let child = await serve(namespace, config);
  const halt = async (): Promise<void> => {
    child.kill();
    await child.exited;
  };
  return {
    host,
    push: (image, name, tag) => pushImage(docker, image, `${host}/${name}`, tag, account),
    hang: () => child.kill('SIGSTOP'),
    goOn: () => child.kill('SIGCONT'),
    halt,
    resume: async () => {
      child = await serve(namespace, config);
    },
    stop: async () => {
      await halt();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As `htpasswd -B` writes it: the cost is the least that bcrypt has. */
async function writeAccounts(folder: string, { username, password }: RegistryAccount): Promise<string> {
  const path = join(folder, 'htpasswd');
  const hash = await Bun.password.hash(password, { algorithm: 'bcrypt', cost: 4 });
  writeFileSync(path, `${username}:${hash}\n`);
  return path;
}

function configOf(data: string, accounts: string | null): string {
  return `version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: ${data} } }
http: { addr: "127.0.0.1:${port}" }
${accounts === null ? '' : `auth: { htpasswd: { realm: test, path: ${accounts} } }\n`}`;
}

async function serve(namespace: string, config: string): Promise<Subprocess> {
  const inside = ['nsenter', `--net=${namespace}`];
  const child = Bun.spawn([...inside, 'docker-registry', 'serve', config], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const deadline = performance.now() + startLimitMs;
  while (!(await listens(inside))) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    if (performance.now() > deadline) {
      child.kill();
      throw new Error('docker-registry does not listen');
    }
    await Bun.sleep(20);
  }
  return child;
}

async function listens(inside: readonly string[]): Promise<boolean> {
  const command = [...inside, 'busybox', 'nc', '-w', '1', '127.0.0.1', String(port)];
  return (await Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'] }).exited) === 0;
}

async function pushImage(
  docker: Docker,
  image: string,
  repo: string,
  tag: string,
  account: RegistryAccount | null,
): Promise<string> {
  await docker.getImage(image).tag({ repo, tag });
  const reference = `${repo}:${tag}`;
  const stream = await docker
    .getImage(reference)
    .push({ authconfig: { ...(account ?? { username: '', password: '' }), serveraddress: '' } });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error: unknown, messages: { error?: string }[]) => {
      const refusal = error ?? messages.find((message) => message.error)?.error;
      if (refusal) reject(refusal instanceof Error ? refusal : new Error(String(refusal)));
      else resolve();
    });
  });
  await docker.getImage(reference).remove();
  return reference;
}
