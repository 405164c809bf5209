/** Reads `text/event-stream` (WHATWG HTML §9.2): the same events however the bytes are split. */

export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  /** The last id the stream named so far; '' before the first. */
  readonly id: string;
}

/** One line or event longer than this is no stream of ours. */
const EVENT_CHARACTERS_MAX = 4 * 1024 * 1024;

export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const assembler = new EventAssembler();
  for await (const line of readLines(body)) {
    const event = assembler.take(line);
    if (event) yield event;
  }
}

class EventAssembler {
  #id = '';
  #event = '';
  #data: string[] = [];
  #characters = 0;

  /** An event when the line completes one. */
  take(line: string): ServerSentEvent | null {
    if (line === '') return this.#complete();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') this.#append(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  #append(value: string): void {
    this.#characters += value.length;
    if (this.#characters > EVENT_CHARACTERS_MAX) throw new Error('an event is too long');
    this.#data.push(value);
  }

  #complete(): ServerSentEvent | null {
    const event = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    this.#characters = 0;
    return isEmpty ? null : event;
  }
}

async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the very end may be the first half of CRLF: it waits for the next chunk.
    const complete = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
    const lines = complete.split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? '') + rest.slice(complete.length);
    yield* lines;
    if (rest.length > EVENT_CHARACTERS_MAX) throw new Error('a line is too long');
  }
  if (rest.endsWith('\r')) yield rest.slice(0, -1);
}
