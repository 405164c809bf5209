/** Runs a table of commands: commander parses and writes help, failures leave through `exit.ts`. */
import { Argument, Command, CommanderError, Option } from 'commander';
import type { ArgumentSpec, CommandSpec, OptionSpec } from './command.ts';
import { CommandInput, wrongUse } from './command-input.ts';
import { type CommandHints, exitCodes, explainFailure } from './exit.ts';
import type { Terminal } from './terminal.ts';

export interface ProgramSpec<Context> {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly commands: readonly CommandSpec<Context>[];
  /** What each group of commands (the first word of several) is about. */
  readonly groups: Readonly<Record<string, string>>;
  /** Replace those of the server, by error code. */
  readonly hints?: CommandHints;
  /** Makes what commands work with; called only when one runs. */
  readonly context: (input: CommandInput) => Context;
}

/** Returns the exit code; everything has been said by then. */
export async function runProgram<Context>(
  spec: ProgramSpec<Context>,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    const program = buildProgram(spec, terminal);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    // A group without a command: its help has been printed, and says all there is to say.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.wrongUse;
    const isJson = argv.includes('--json');
    const failure = explainFailure(error instanceof CommanderError ? fromCommander(error) : error, {
      isJson,
      ...(spec.hints ? { hints: spec.hints } : {}),
    });
    terminal.writeErr(failure.text);
    return failure.exitCode;
  }
}

function buildProgram<Context>(spec: ProgramSpec<Context>, terminal: Terminal): Command {
  const program = configure(new Command(spec.name), terminal)
    .description(spec.summary)
    .version(`${spec.name} ${spec.version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help on a command')
    .addHelpText('after', `\nHelp on a command: ${spec.name} <command> --help`);
  const groups = new Map<string, Command>();
  for (const command of spec.commands) {
    const [first = '', second] = command.name.split(' ');
    if (second === undefined) addCommand(program, command, spec, terminal);
    else {
      const group = groups.get(first) ?? addGroup(program, first, spec.groups[first] ?? '', terminal);
      groups.set(first, group);
      addCommand(group, command, spec, terminal);
    }
  }
  return program;
}

function addGroup(program: Command, name: string, summary: string, terminal: Terminal): Command {
  const group = configure(new Command(name), terminal).description(summary);
  group.helpOption('-h, --help', 'print help').helpCommand(false);
  program.addCommand(group);
  return group;
}

function addCommand<Context>(
  parent: Command,
  spec: CommandSpec<Context>,
  program: ProgramSpec<Context>,
  terminal: Terminal,
): void {
  const command = configure(new Command(spec.name.split(' ').at(-1)), terminal).description(spec.summary);
  command.helpOption('-h, --help', 'print help').allowExcessArguments(spec.isDefault ?? false);
  for (const argument of spec.args ?? []) command.addArgument(toArgument(argument));
  for (const option of spec.options ?? []) {
    command.addOption(toOption(option));
    if (option.isNegatable) command.addOption(new Option(`--no-${option.name}`).hideHelp());
  }
  const examples = spec.examples.map((example) => `  ${example}`).join('\n');
  if (examples) command.addHelpText('after', `\nExamples:\n${examples}`);
  command.action(async () => {
    refuseStrayCommand(spec, command, parent);
    const input = toInput(spec, command);
    await spec.run(program.context(input), input);
  });
  parent.addCommand(command, { isDefault: spec.isDefault ?? false, hidden: spec.isHidden ?? false });
}

/** Of a group with a default: what no command of it is called is taken for an argument of that. */
function refuseStrayCommand<Context>(spec: CommandSpec<Context>, command: Command, group: Command): void {
  const stray = command.args[spec.args?.length ?? 0];
  if (!spec.isDefault || stray === undefined) return;
  const known = group.commands.map((other) => other.name()).join(', ');
  throw wrongUse(`${group.name()} has no command ${JSON.stringify(stray)}`, `it has: ${known}`);
}

/** Everything goes to the terminal given; errors are thrown, and said once, by `runProgram`. */
function configure(command: Command, terminal: Terminal): Command {
  return command.exitOverride().configureOutput({
    writeOut: (text) => terminal.writeOut(text),
    writeErr: (text) => terminal.writeErr(text),
    outputError: () => {},
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}

function toArgument({ name, summary, isOptional, choices }: ArgumentSpec): Argument {
  const argument = new Argument(isOptional ? `[${name}]` : `<${name}>`, summary);
  return choices ? argument.choices(choices) : argument;
}

function toOption({ name, short, placeholder, isRepeatable, summary }: OptionSpec): Option {
  const value = placeholder === undefined ? '' : ` <${placeholder}>`;
  const option = new Option(`${short ? `-${short}, ` : ''}--${name}${value}`, summary);
  if (isRepeatable) {
    option.argParser((text: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), text]);
  }
  return option;
}

function toInput<Context>(spec: CommandSpec<Context>, command: Command): CommandInput {
  const args = (spec.args ?? []).map(({ name }, index) => [name, command.args[index]] as const);
  const options = (spec.options ?? []).map(({ name }) => [name, command.opts()[camelCase(name)]] as const);
  return new CommandInput(new Map(args), new Map(options));
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** commander says `error: unknown option '--x'` and, on a second line, `(Did you mean --y?)`. */
function fromCommander(error: CommanderError): Error {
  const [first = '', ...more] = error.message.split('\n');
  const meant = /^\((.*)\)$/.exec(more.join(' '))?.[1];
  return wrongUse(first.replace(/^error: /, ''), meant ?? 'add --help to see how it is used');
}
