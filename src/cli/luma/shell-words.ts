/** Splits a command line as a POSIX shell does, without expanding anything: quotes, backslashes, blanks. */

/** The words, or null when a quote is not closed or a backslash ends the text. */
export function splitShellWords(text: string): readonly string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (/[ \t\n]/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    const piece = readPiece(text, at);
    if (!piece) return null;
    word = (word ?? '') + piece.value;
    at = piece.lastAt;
  }
  return word === null ? words : [...words, word];
}

interface Piece {
  readonly value: string;
  readonly lastAt: number;
}

function readPiece(text: string, at: number): Piece | null {
  const char = text[at] ?? '';
  if (char === "'") return readSingleQuoted(text, at);
  if (char === '"') return readDoubleQuoted(text, at);
  if (char !== '\\') return { value: char, lastAt: at };
  const escaped = text[at + 1];
  return escaped === undefined ? null : { value: escaped === '\n' ? '' : escaped, lastAt: at + 1 };
}

function readSingleQuoted(text: string, at: number): Piece | null {
  const end = text.indexOf("'", at + 1);
  return end < 0 ? null : { value: text.slice(at + 1, end), lastAt: end };
}

/** Inside double quotes a backslash escapes only `$`, backquote, `"`, itself and a line's end. */
function readDoubleQuoted(text: string, at: number): Piece | null {
  let value = '';
  for (let next = at + 1; next < text.length; next++) {
    const char = text[next] ?? '';
    if (char === '"') return { value, lastAt: next };
    const escaped = text[next + 1] ?? '';
    if (char === '\\' && /[$`"\\\n]/.test(escaped)) {
      if (escaped !== '\n') value += escaped;
      next++;
    } else value += char;
  }
  return null;
}
