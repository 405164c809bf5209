/** Apps and folders for tests of the process runtime: everything lies in one folder that `nobody` can read. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretKey } from '../../base/sealed-text.ts';
import { NO_PROBES } from '../../domain/probe.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import type { InstanceSpec } from '../contract.ts';
import { chooseRunUser } from './run-user.ts';
import { Stage } from './stage.ts';

/** Arguments: `--exit=7`, `--deaf`, `--print=<stream>:<text>`, `--environment`, `--child` and others, in any order. */
const source = `
const args = process.argv.slice(2);
for (const arg of args) {
  const [, stream, text] = /^--print=(stdout|stderr):([^]*)$/.exec(arg) ?? [];
  if (stream) require('node:fs').writeSync(stream === 'stdout' ? 1 : 2, text + '\\n');
  if (arg === '--environment') {
    for (const [name, value] of Object.entries(process.env)) console.log(name + '=' + value);
  }
  if (arg.startsWith('--exit=')) process.exit(Number(arg.slice(7)));
  if (arg === '--child') Bun.spawn({ cmd: ['/bin/sleep', '300'], stdio: ['ignore', 'ignore', 'ignore'] }).unref();
  if (arg === '--escaped-child') {
    Bun.spawn({ cmd: ['/bin/sleep', '300'], stdio: ['ignore', 'ignore', 'ignore'], detached: true }).unref();
  }
}
process.on('SIGTERM', () => { if (!args.includes('--deaf')) process.exit(0); });
Bun.serve({ hostname: '127.0.0.1', port: Number(process.env.PORT), fetch: () => new Response('here\\n') });
`;

export class TestApps {
  /** Open to everybody; also a data directory. */
  readonly folder = mkdtempSync(join(tmpdir(), 'luma-process-'));
  readonly bunPath: string;
  readonly #appPath: string;
  #count = 0;

  constructor() {
    chmodSync(this.folder, 0o755);
    this.#appPath = join(this.folder, 'app.ts');
    writeFileSync(this.#appPath, source, { mode: 0o644 });
    const stage = new Stage({ user: chooseRunUser(), folders: [join(this.folder, 'bun')] });
    this.bunPath = stage.hello()[0]!;
  }

  /** The test app with these arguments. */
  app(...args: readonly string[]): InstanceSpec {
    return this.spec({ command: [this.bunPath, this.#appPath, ...args] });
  }

  /** A shell script. */
  shell(script: string): InstanceSpec {
    return this.spec({ command: ['/bin/sh', '-c', script] });
  }

  spec(settings: Partial<RevisionSettings>): InstanceSpec {
    this.#count += 1;
    return {
      instanceId: `i-${process.pid}-${this.#count}`,
      project: 'shop',
      revision: 3,
      settings: {
        image: null,
        command: null,
        entrypoint: null,
        workingDir: null,
        envVars: { GREETING: 'hello, you' },
        containerPort: null,
        healthCheck: null,
        probes: NO_PROBES,
        stopTimeoutMs: 10_000,
        ...settings,
      },
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Of the installation that tests are: the same in each of its lives. */
export const testKey = secretKey(new Uint8Array(32).fill(1));
