/**
 * Probes as flags, in gcloud's form with the API's names: `http_get.path=/healthz,period=5s`, or the API's own JSON object.
 * Rules about values are the API's.
 */
import type { ProbeInput, ProbesInput } from '../../api/client/index.ts';
import type { OptionSpec } from '../command.ts';
import { type CommandInput, wrongUse } from '../command-input.ts';
import { splitShellWords } from './shell-words.ts';

const EXAMPLE = 'http_get.path=/healthz,period=5s';
const placeholder = 'probe';

export const probeOptions: readonly OptionSpec[] = [
  {
    name: 'startup-probe',
    placeholder,
    summary: `what must work before it is ready: ${EXAMPLE}, tcp_socket.port=9000, or JSON`,
  },
  {
    name: 'liveness-probe',
    placeholder,
    summary: 'who fails it is replaced; exec.command=words, and the like',
  },
  {
    name: 'readiness-probe',
    placeholder,
    summary: 'who fails it gets no new requests; the three are given together, what is left out is unset',
  },
];

const fields = [
  'http_get.path',
  'http_get.port',
  'tcp_socket.port',
  'tcp_socket',
  'exec.command',
  'initial_delay',
  'timeout',
  'period',
  'failure_threshold',
  'success_threshold',
];
const counts = ['http_get.port', 'tcp_socket.port', 'failure_threshold', 'success_threshold'];

/** Undefined where no flag was given. */
export function readProbes(input: CommandInput): ProbesInput | undefined {
  const [startup, liveness, readiness] = ['startup-probe', 'liveness-probe', 'readiness-probe'].map((flag) =>
    readProbe(flag, input.text(flag)),
  );
  if (!startup && !liveness && !readiness) return undefined;
  return { startup: startup ?? null, liveness: liveness ?? null, readiness: readiness ?? null };
}

function readProbe(flag: string, text: string | undefined): ProbeInput | undefined {
  if (text === undefined) return undefined;
  if (text.trimStart().startsWith('{')) return readJson(flag, text);
  const probe: Record<string, unknown> = {};
  for (const part of text.split(',')) set(probe, flag, part);
  return probe;
}

function readJson(flag: string, text: string): ProbeInput {
  try {
    return JSON.parse(text) as ProbeInput;
  } catch {
    throw wrongUse(`--${flag} begins like JSON and is none`, `--${flag} ${EXAMPLE}`);
  }
}

function set(probe: Record<string, unknown>, flag: string, part: string): void {
  const at = part.indexOf('=');
  const name = (at < 0 ? part : part.slice(0, at)).trim();
  const text = at < 0 ? '' : part.slice(at + 1);
  if (!fields.includes(name) || at < 0 !== (name === 'tcp_socket')) {
    const known = fields.map((field) => (field === 'tcp_socket' ? field : `${field}=…`)).join(', ');
    throw wrongUse(
      `--${flag} has ${JSON.stringify(part)}, which is none of ${known}`,
      `--${flag} ${EXAMPLE}`,
    );
  }
  const [outer = '', inner] = name.split('.');
  const value = readValue(flag, name, text);
  if (inner === undefined) probe[outer] = name === 'tcp_socket' ? {} : value;
  else probe[outer] = { ...(probe[outer] as object | undefined), [inner]: value };
}

function readValue(flag: string, name: string, text: string): unknown {
  if (name === 'exec.command') {
    const words = splitShellWords(text);
    if (words) return words;
    throw wrongUse(`--${flag}: the quotes of exec.command are not closed`);
  }
  if (!counts.includes(name)) return text;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw wrongUse(`--${flag}: ${name} must be a whole number, not ${JSON.stringify(text)}`);
}
