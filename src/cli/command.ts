/** A command as data: help, parsing and completion are made from it; `run` parses nothing, calls a client, prints. */
import type { CommandInput } from './command-input.ts';

export interface ArgumentSpec {
  readonly name: string;
  readonly summary: string;
  readonly isOptional?: boolean;
  readonly choices?: readonly string[];
  /** What the shell offers for it. */
  readonly completes?: 'project' | 'service';
}

export interface OptionSpec {
  /** Long form without dashes: `idle-timeout`. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** Stands for the value in help; without it the option is a switch. */
  readonly placeholder?: string;
  readonly isRepeatable?: boolean;
  /** A switch that is on by itself somewhere: `--no-NAME` turns it off. */
  readonly isNegatable?: boolean;
  readonly summary: string;
}

export interface CommandSpec<Context> {
  /** Words: `projects add`. */
  readonly name: string;
  readonly summary: string;
  /** What its group does when no word follows: `luma projects` is `luma projects list`. */
  readonly isDefault?: boolean;
  readonly isHidden?: boolean;
  readonly args?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  readonly examples: readonly string[];
  readonly run: (context: Context, input: CommandInput) => Promise<void>;
}

export function defineCommand<Context>(spec: CommandSpec<Context>): CommandSpec<Context> {
  return spec;
}
