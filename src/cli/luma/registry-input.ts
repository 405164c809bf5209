/** What proves who Luma is at a registry, read so that it never stands on a command line. */
import type { RegistryCredentialsInput } from '../../api/client/index.ts';
import { type CommandInput, wrongUse } from '../command-input.ts';
import type { Terminal } from '../terminal.ts';

const sources = ['password-stdin', 'identity-token-stdin', 'registry-token-stdin'] as const;

export async function readCredentials(
  terminal: Terminal,
  input: CommandInput,
): Promise<RegistryCredentialsInput> {
  const chosen = sources.filter((source) => input.isOn(source));
  if (chosen.length > 1) throw wrongUse(`--${chosen[0]} and --${chosen[1]} exclude each other`);
  const username = input.text('username');
  const [source] = chosen;
  if (source === 'identity-token-stdin' || source === 'registry-token-stdin') {
    if (username !== undefined) throw wrongUse(`--${source} says who it is: leave --username out`);
    const token = await readFromInput(terminal, 'the token');
    return source === 'identity-token-stdin' ? { identity_token: token } : { registry_token: token };
  }
  if (username === undefined) throw wrongUse('who logs in?', 'add --username <name>');
  const password =
    source === 'password-stdin'
      ? await readFromInput(terminal, 'the password')
      : await terminal.readHidden(`password of ${username}: `);
  if (password === null) {
    throw wrongUse('there is no terminal to ask for the password', 'pipe it in, and add --password-stdin');
  }
  if (password === '') throw wrongUse('the password is empty');
  return { username, password };
}

/** A file or `echo` ends with a line end, no secret does. */
async function readFromInput(terminal: Terminal, what: string): Promise<string> {
  const text = (await terminal.readText('-')).replace(/\r?\n$/, '');
  if (text === '') throw wrongUse(`${what} is empty`, 'standard input had nothing');
  if (/[\r\n]/.test(text)) throw wrongUse(`${what} has more than one line`);
  return text;
}
