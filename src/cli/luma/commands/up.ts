/** `luma up` and `luma server`: what they do and which flags they have is handed in, since this layer knows no server. */
import type { CommandSpec, OptionSpec } from '../../command.ts';
import { defineCommand } from '../../command.ts';
import type { CommandInput } from '../../command-input.ts';
import type { LumaContext } from '../context.ts';

/** A program that runs in the foreground until its signal aborts. */
export interface HostProgram {
  readonly options: readonly OptionSpec[];
  readonly run: (flags: ReturnType<CommandInput['given']>) => Promise<void>;
}

export function upCommand(host: HostProgram): CommandSpec<LumaContext> {
  return defineCommand({
    name: 'up',
    summary: 'start the platform here: proxy, API and instances, until Ctrl-C',
    options: host.options,
    examples: [
      'luma up',
      'luma up --http-port 80 --runtime docker',
      'LUMA_API_PORT=9001 luma up --data-dir ./state',
    ],
    run: async (_context, input) => host.run(input.given()),
  });
}

export function serverCommand(host: HostProgram): CommandSpec<LumaContext> {
  return defineCommand({
    name: 'server',
    summary: 'start the API and the control plane for a luma-proxy that runs by itself; instances outlive it',
    options: host.options,
    examples: ['luma server --proxy-socket /run/luma-proxy/management.sock'],
    run: async (_context, input) => host.run(input.given()),
  });
}
