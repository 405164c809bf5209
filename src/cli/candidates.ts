/** What may come next on a command line, from the same table that parses it. */
import type { CommandSpec } from './command.ts';

interface Reading {
  /** The words of a command's name that were found. */
  readonly name: readonly string[];
  readonly argumentCount: number;
  /** The last word belongs to this option as its value. */
  readonly pendingOption: boolean;
}

/** `words` end with the one being written, which may be empty. `nounNames`: what the program's commands are about. */
export async function candidates<Context>(
  commands: readonly CommandSpec<Context>[],
  words: readonly string[],
  nounNames: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const visible = commands.filter(({ isHidden }) => !isHidden);
  const current = words.at(-1) ?? '';
  const reading = read(visible, words.slice(0, -1));
  if (reading.pendingOption) return [];
  const offered = current.startsWith('-')
    ? optionsOf(visible, reading.name)
    : await wordsAfter(visible, reading, nounNames);
  return [...new Set(offered)].filter((word) => word.startsWith(current)).sort();
}

function read<Context>(commands: readonly CommandSpec<Context>[], words: readonly string[]): Reading {
  const name: string[] = [];
  let argumentCount = 0;
  let pendingOption = false;
  for (const word of words) {
    if (pendingOption) pendingOption = false;
    else if (word.startsWith('-')) pendingOption = takesValue(commands, name, word);
    else if (argumentCount === 0 && commands.some((command) => startsWith(command, [...name, word])))
      name.push(word);
    else argumentCount++;
  }
  return { name, argumentCount, pendingOption };
}

function takesValue<Context>(
  commands: readonly CommandSpec<Context>[],
  name: readonly string[],
  word: string,
): boolean {
  const options = commandsNamed(commands, name).flatMap(({ options: specs }) => specs ?? []);
  const option = options.find(({ name: long, short }) => word === `--${long}` || word === `-${short}`);
  return option?.placeholder !== undefined;
}

function optionsOf<Context>(
  commands: readonly CommandSpec<Context>[],
  name: readonly string[],
): readonly string[] {
  const options = commandsNamed(commands, name).flatMap(({ options: specs }) => specs ?? []);
  const names = options.flatMap(({ name: long, isNegatable }) =>
    isNegatable ? [long, `no-${long}`] : [long],
  );
  return ['--help', ...names.map((long) => `--${long}`)];
}

async function wordsAfter<Context>(
  commands: readonly CommandSpec<Context>[],
  { name, argumentCount }: Reading,
  nounNames: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const next = commands
    .filter((command) => startsWith(command, name))
    .flatMap((command) => command.name.split(' ')[name.length] ?? []);
  if (next.length > 0 && argumentCount === 0) return next;
  const argument = commandsNamed(commands, name)[0]?.args?.[argumentCount];
  return argument?.completes !== undefined ? nounNames() : (argument?.choices ?? []);
}

/** The command itself, or what its group does by default. */
function commandsNamed<Context>(
  commands: readonly CommandSpec<Context>[],
  name: readonly string[],
): readonly CommandSpec<Context>[] {
  const text = name.join(' ');
  return commands.filter(
    (command) => command.name === text || (command.isDefault && startsWith(command, name) && name.length > 0),
  );
}

function startsWith<Context>(command: CommandSpec<Context>, name: readonly string[]): boolean {
  const words = command.name.split(' ');
  return name.every((word, index) => words[index] === word);
}
