/** What a command sees of the world around it: two streams, a signal, files to read. `bin` makes the real one. */

export interface Terminal {
  /** Results. */
  writeOut(text: string): void;
  /** Progress and errors. */
  writeErr(text: string): void;
  /** A file's text; `-` is standard input. */
  readText(path: string): Promise<string>;
  /** A line that is not shown while it is typed; null where there is nobody to ask. */
  readHidden(prompt: string): Promise<string | null>;
  readonly isOutTty: boolean;
  readonly isErrTty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

/** https://no-color.org: any value but the empty one. */
export function hasColour({ isOutTty, env }: Pick<Terminal, 'isOutTty' | 'env'>): boolean {
  return isOutTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** What somebody else wrote must not move the cursor, nor look like a line of ours. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
}
