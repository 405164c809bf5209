/** nginx, HAProxy, Caddy and Go's ReverseProxy as plain reverse proxies to one upstream: what a careful person writes. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Processes } from './processes.ts';

export interface Proxy {
  readonly name: string;
  readonly port: number;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export type ProxyName = 'nginx' | 'haproxy' | 'caddy' | 'go';

export const PROXY_NAMES: readonly ProxyName[] = ['nginx', 'haproxy', 'caddy', 'go'];

export function proxy(name: ProxyName, port: number, upstreamPort: number, processes: Processes): Proxy {
  const env = { GOMAXPROCS: '1' };
  return { name, port, env, command: COMMANDS[name](port, upstreamPort, processes) };
}

type CommandOf = (port: number, upstreamPort: number, processes: Processes) => string[];

const COMMANDS: Readonly<Record<ProxyName, CommandOf>> = {
  nginx: nginxCommand,
  haproxy: haproxyCommand,
  caddy: caddyCommand,
  go: goCommand,
};

/** What every nginx of a bench begins with; `name` keeps their files apart. */
export function nginxBase(name: string, folder: string): string {
  return `worker_processes 1; daemon off; pid ${folder}/${name}.pid; error_log /dev/null crit;
worker_rlimit_nofile 16384; events { worker_connections 8192; }
http { access_log off; keepalive_requests 100000000; client_max_body_size 0; client_body_temp_path ${folder}/b;
proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;`;
}

/** Streams both ways, as the others do: its default is to take a whole body before it asks the upstream. */
function nginxCommand(port: number, upstreamPort: number, processes: Processes): string[] {
  const text = `${nginxBase(`nginx-${port}`, processes.folder)}
map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
upstream u { server 127.0.0.1:${upstreamPort} max_fails=0; keepalive 1024; keepalive_requests 100000000; }
server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://u; proxy_http_version 1.1;
proxy_request_buffering off; proxy_buffering off; proxy_next_upstream off;
proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Request-ID $request_id; } } }`;
  return ['nginx', '-c', processes.file(`nginx-${port}.conf`, text)];
}

function haproxyCommand(port: number, upstreamPort: number, processes: Processes): string[] {
  const text = `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
  option http-keep-alive
  http-reuse always
frontend f
  bind 127.0.0.1:${port} backlog 4096
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend b
backend b
  server s 127.0.0.1:${upstreamPort}
`;
  return ['haproxy', '-db', '-f', processes.file(`haproxy-${port}.cfg`, text)];
}

function caddyCommand(port: number, upstreamPort: number, processes: Processes): string[] {
  const text = `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstreamPort} {
    transport http {
      keepalive_idle_conns_per_host 1024
    }
  }
}
`;
  const config = processes.file(`Caddyfile-${port}`, text);
  return ['caddy', 'run', '--adapter', 'caddyfile', '--config', config];
}

/** Compiled on the spot; `apt-get install golang-go` where there is no compiler. */
function goCommand(port: number, upstreamPort: number, processes: Processes): string[] {
  const program = join(processes.folder, 'reverse-proxy');
  if (spawnSync('go', ['version']).error !== undefined) installGo();
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOCACHE: join(processes.folder, 'go-cache') };
  const built = spawnSync('go', ['build', '-o', program, 'main.go'], {
    cwd: join(import.meta.dirname, 'reverse-proxy'),
    encoding: 'utf8',
    env,
  });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  return [program, `127.0.0.1:${port}`, `http://127.0.0.1:${upstreamPort}`];
}

function installGo(): void {
  const args = [
    '-o',
    'DPkg::Lock::Timeout=300',
    '-qq',
    'install',
    '-y',
    '--no-install-recommends',
    'golang-go',
  ];
  const done = spawnSync('apt-get', args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (done.status !== 0)
    throw new Error(`no Go compiler, and apt-get cannot install golang-go: ${done.stderr}`);
}
