/** What a person gave a command, by the names of its specification. */
import { assert, LumaError } from '../base/errors.ts';

type Given = string | boolean | readonly string[] | undefined;

export class CommandInput {
  readonly #args: ReadonlyMap<string, string | undefined>;
  readonly #options: ReadonlyMap<string, Given>;

  constructor(args: ReadonlyMap<string, string | undefined>, options: ReadonlyMap<string, Given>) {
    this.#args = args;
    this.#options = options;
  }

  /** A required argument. */
  arg(name: string): string {
    const value = this.optionalArg(name);
    assert(value !== undefined, `argument ${name} is required`);
    return value;
  }

  optionalArg(name: string): string | undefined {
    assert(this.#args.has(name), `the command has an argument ${name}`);
    return this.#args.get(name);
  }

  text(name: string): string | undefined {
    const value = this.#option(name);
    assert(value === undefined || typeof value === 'string', `option ${name} takes one value`);
    return value;
  }

  isOn(name: string): boolean {
    return this.#option(name) === true;
  }

  /** `--name`: true, `--no-name`: false, neither: undefined. */
  choice(name: string): boolean | undefined {
    const value = this.#option(name);
    return typeof value === 'boolean' ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#option(name) ?? [];
    assert(Array.isArray(value), `option ${name} is repeatable`);
    return value;
  }

  /** A whole number that is not negative, or wrong use. */
  count(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^[0-9]{1,9}$/.test(text))
      throw wrongUse(`--${name} must be a whole number, not ${JSON.stringify(text)}`);
    return Number(text);
  }

  /** A part of a whole such as 0.7, or wrong use. */
  share(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^(0|1|0?\.[0-9]{1,9})$/.test(text))
      throw wrongUse(`--${name} must be a number up to 1, such as 0.7, not ${JSON.stringify(text)}`);
    return Number(text);
  }

  /** Every option that was given, by name. */
  given(): Readonly<Record<string, string | boolean | readonly string[]>> {
    const present = [...this.#options].filter((option): option is [string, Exclude<Given, undefined>] => {
      return option[1] !== undefined;
    });
    return Object.fromEntries(present);
  }

  #option(name: string): Given {
    assert(this.#options.has(name), `the command has an option ${name}`);
    return this.#options.get(name);
  }
}

export function wrongUse(message: string, hint?: string): LumaError {
  return new LumaError('usage', message, hint === undefined ? {} : { hint });
}
