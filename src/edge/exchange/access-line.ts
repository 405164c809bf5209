/** One exchange as a line of the access log: a JSON object, bounded so that a pipe takes it in one piece. Pure. */

/** Where lines go. Whoever implements it never makes the edge wait. */
export interface AccessLog {
  append(line: string): void;
  /** Lines that were lost, since the start. */
  readonly droppedCount: number;
}

export interface AccessRecord {
  /** Milliseconds since the Unix epoch, at the end. */
  readonly endedAt: number;
  readonly service: string | null;
  /** The instance id. */
  readonly target: string | null;
  readonly method: string;
  readonly host: string;
  /** With its query. */
  readonly path: string;
  /** As the client got it; 499: it went before it got any. */
  readonly status: number;
  /** Of bodies and tunnels, as they went past; answers of the edge's own count nothing. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  /** How long it was held for a wake; 0: it was not. */
  readonly wakeMs: number;
  readonly client: string;
  readonly protocol: string;
  readonly requestId: string;
  readonly userAgent: string;
  readonly isQuiet: boolean;
  /** What went wrong; null: nothing. */
  readonly error: string | null;
}

/** Each character is at most two bytes in the line, so that no line has more than 4,096. */
const PATH_CHARACTERS_MAX = 800;
const TEXT_CHARACTERS_MAX = 255;
const NAME_CHARACTERS_MAX = 128;
const CODE_CHARACTERS_MAX = 48;

export function accessLine(record: AccessRecord): string {
  const line = {
    time: new Date(record.endedAt).toISOString(),
    service: shortened(record.service, NAME_CHARACTERS_MAX),
    target: shortened(record.target, NAME_CHARACTERS_MAX),
    method: shortened(record.method, CODE_CHARACTERS_MAX),
    host: shortened(record.host, TEXT_CHARACTERS_MAX),
    path: shortened(record.path, PATH_CHARACTERS_MAX),
    status: record.status,
    bytes_in: record.bytesIn,
    bytes_out: record.bytesOut,
    duration_ms: rounded(record.durationMs),
    wake_ms: record.wakeMs === 0 ? null : rounded(record.wakeMs),
    client: shortened(record.client, CODE_CHARACTERS_MAX),
    protocol: record.protocol,
    request_id: shortened(record.requestId, NAME_CHARACTERS_MAX),
    user_agent: shortened(record.userAgent, TEXT_CHARACTERS_MAX),
    quiet: record.isQuiet,
    error: shortened(record.error, CODE_CHARACTERS_MAX),
  };
  return `${JSON.stringify(line)}\n`;
}

function shortened<T extends string | null>(text: T, charactersMax: number): T | string {
  return text !== null && text.length > charactersMax ? text.slice(0, charactersMax) : text;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
