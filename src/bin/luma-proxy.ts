#!/usr/bin/env bun
/** The program `luma-proxy`: the edge's daemon and its client. */
import { proxyCommands, runProgram } from '../cli/proxy/index.ts';
import { composeProxy } from './compose-proxy.ts';
import { processTerminal } from './process-terminal.ts';
import { listenForStop } from './stop-signal.ts';
import { version } from './version.ts';

/** They end in their own way, and go on without anybody reading what they say. */
const SERVERS = ['run', 'worker'];

const words = process.argv.slice(2);
const isServer = SERVERS.includes(words[0] ?? '');
const signal = isServer ? new AbortController().signal : listenForStop().signal;
const terminal = processTerminal(signal, !isServer);
const exitCode = await runProgram(
  {
    name: 'luma-proxy',
    summary: 'The always-on edge of Luma: routes requests to services, holds them while one wakes.',
    version,
    commands: proxyCommands,
    groups: {},
    context: () => composeProxy(terminal),
  },
  words,
  terminal,
);
process.exit(exitCode);
