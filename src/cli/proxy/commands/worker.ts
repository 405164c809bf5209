/** `luma-proxy worker`: what the daemon starts for each worker. Not for people. */
import { defineCommand } from '../../command.ts';
import { wrongUse } from '../../command-input.ts';
import type { ProxyContext } from '../context.ts';

export const workerCommand = defineCommand<ProxyContext>({
  name: 'worker',
  summary: 'one worker process of a daemon',
  isHidden: true,
  options: [
    { name: 'column', placeholder: 'n', summary: 'its column of the board' },
    { name: 'workers-socket', placeholder: 'path', summary: 'where its daemon listens' },
    { name: 'listeners', placeholder: 'n', summary: 'how many listening sockets it inherits' },
    {
      name: 'shutdown-timeout-ms',
      placeholder: 'ms',
      summary: 'how long it may finish when it is told to end',
    },
    { name: 'access-log', placeholder: 'file', summary: 'where it writes a line for each exchange' },
    { name: 'edge', placeholder: 'json', summary: 'settings of its edge' },
    { name: 'debug', summary: 'log details' },
  ],
  examples: [],
  async run(context, input) {
    const column = input.count('column');
    const workersSocketPath = input.text('workers-socket');
    const listeners = input.count('listeners');
    const shutdownTimeoutMs = input.count('shutdown-timeout-ms');
    const edge = input.text('edge');
    if (
      column === undefined ||
      !workersSocketPath ||
      listeners === undefined ||
      shutdownTimeoutMs === undefined ||
      !edge
    ) {
      throw wrongUse('luma-proxy worker is started by luma-proxy run only', 'use: luma-proxy run');
    }
    const isDebug = input.isOn('debug');
    const accessLog = input.text('access-log') ?? null;
    await context.work({ column, workersSocketPath, listeners, shutdownTimeoutMs, edge, accessLog, isDebug });
  },
});
