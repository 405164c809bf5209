/** A whole answer that no target made, without the framing of any protocol. Pure. */

export interface OwnAnswer {
  readonly status: number;
  readonly reason: string;
  /** Whole field lines, `Content-Length` among them where there may be one. */
  readonly lines: string;
  /** What went wrong, for clients that read no body; empty: nothing did. */
  readonly message: string;
  /** Not sent in answer to HEAD. */
  readonly body: Buffer;
}

/** As HTTP/1.1 says it. `ownLines` are whole lines: `Date`, `Connection`. */
export function writeOwnAnswer(answer: OwnAnswer, method: string, ownLines: string): Buffer {
  const head = Buffer.from(
    `HTTP/1.1 ${answer.status} ${answer.reason}\r\n${answer.lines}${ownLines}\r\n`,
    'latin1',
  );
  return method === 'HEAD' || answer.body.length === 0 ? head : Buffer.concat([head, answer.body]);
}

export const NO_BODY_BYTES = Buffer.alloc(0);
