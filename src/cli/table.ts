/** Plain tables for people: columns two spaces apart, no borders; machines take --json. */
import { printable } from './terminal.ts';

export type Colour = 'green' | 'yellow' | 'red' | 'dim';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

const codes: Readonly<Record<Colour, number>> = { green: 32, yellow: 33, red: 31, dim: 2 };

export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
  { colour = false }: { readonly colour?: boolean } = {},
): string {
  const lines = [head, ...rows].map((row) => row.map(toCell));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.text.length ?? 0)));
  return lines.map((line) => formatLine(line, widths, colour)).join('');
}

/** `name   value` lines; what has no value is left out. */
export function formatFacts(facts: readonly (readonly [string, string | null])[]): string {
  const present = facts.filter((fact): fact is readonly [string, string] => fact[1] !== null);
  const width = Math.max(0, ...present.map(([name]) => name.length));
  return present.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}

function toCell(cell: string | Cell): Cell {
  return typeof cell === 'string' ? { text: printable(cell) } : { ...cell, text: printable(cell.text) };
}

function formatLine(line: readonly Cell[], widths: readonly number[], colour: boolean): string {
  const cells = line.map((cell, column) => {
    const padding = column === line.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - cell.text.length);
    const isPainted = colour && cell.colour !== undefined;
    return `${isPainted ? `\x1b[${codes[cell.colour]}m${cell.text}\x1b[0m` : cell.text}${padding}`;
  });
  return `${cells.join('  ').trimEnd()}\n`;
}
