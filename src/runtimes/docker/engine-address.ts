/** Where the Docker Engine listens: DOCKER_HOST and its companions, read as the docker command reads them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LumaError } from '../../base/errors.ts';
import { homeFolder } from '../../base/home-folder.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type EngineAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: TlsFiles | null };

export interface TlsFiles {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

const systemSocket = '/var/run/docker.sock';

export function engineAddress(env: Environment): EngineAddress {
  const text = env['DOCKER_HOST'] ?? '';
  if (text === '') return { kind: 'socket', path: defaultSocket() };
  const url = URL.parse(text.includes('://') ? text : `tcp://${text}`);
  if (url?.protocol === 'unix:') return { kind: 'socket', path: url.pathname || defaultSocket() };
  const isTcp = url && ['tcp:', 'http:', 'https:'].includes(url.protocol) && url.hostname !== '';
  if (!isTcp) throw invalid(text);
  const isTls = (env['DOCKER_TLS_VERIFY'] ?? '') !== '' || url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 2376 : 2375) : Number(url.port);
  return { kind: 'tcp', host: url.hostname, port, tls: isTls ? tlsFiles(env) : null };
}

/** For people: the form DOCKER_HOST has. */
export function formatEngineAddress(address: EngineAddress): string {
  return address.kind === 'socket' ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`;
}

function defaultSocket(): string {
  const ownSocket = join(homeFolder(), '.docker/run/docker.sock');
  return !existsSync(systemSocket) && existsSync(ownSocket) ? ownSocket : systemSocket;
}

function tlsFiles(env: Environment): TlsFiles {
  const folder = env['DOCKER_CERT_PATH'] || join(homeFolder(), '.docker');
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      throw new LumaError(
        'docker_host_invalid',
        `cannot read ${join(folder, name)} to talk TLS with Docker`,
        {
          hint: 'set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem',
          cause,
        },
      );
    }
  };
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

function invalid(text: string): LumaError {
  return new LumaError('docker_host_invalid', `DOCKER_HOST=${text} is not an address Luma can use`, {
    hint: 'use unix:///path/to/docker.sock or tcp://host:port',
  });
}
