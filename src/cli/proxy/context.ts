/** What luma-proxy's commands work with; `bin` makes it. */
import type { ProxyClient } from '../../proxy/client/index.ts';
import type { Terminal } from '../terminal.ts';
import type { RunSettings } from './run-settings.ts';

export interface ProxyContext {
  readonly terminal: Terminal;
  readonly version: string;
  readonly isRoot: boolean;
  readonly home: string;
  readonly cpuCount: number;
  client(socketPath: string): ProxyClient;
  /** Serves until a signal ends it. */
  run(settings: RunSettings): Promise<void>;
}
