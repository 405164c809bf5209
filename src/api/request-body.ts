/** Reads a request's body: JSON, bounded, or a refusal that says why. */
import { LumaError } from '../base/errors.ts';
import { validationFailed } from './field-problems.ts';
import { readJsonDocument } from './json-document.ts';
import { BODY_BYTES_MAX, BODY_DEPTH_MAX } from './limits.ts';

export async function readJsonBody(request: Request): Promise<unknown> {
  refuseOtherTypes(request);
  const text = decodeText(await readBytes(request));
  const document = readJsonDocument(text, BODY_DEPTH_MAX);
  switch (document.kind) {
    case 'read':
      return document.value;
    case 'broken':
      throw new LumaError(
        'invalid_json',
        text.trim() === '' ? 'the body is empty' : `the body is not JSON: ${document.reason}`,
        {
          hint: 'Send one JSON object.',
          fields: [{ field: 'body', message: document.reason }],
        },
      );
    case 'too-deep':
      throw new LumaError(
        'body_too_deep',
        `the body nests objects or lists more than ${BODY_DEPTH_MAX} deep`,
        {
          hint: 'A project needs two levels.',
          fields: [{ field: 'body', message: 'is nested too deep' }],
        },
      );
    case 'bad-keys':
      throw validationFailed(document.problems);
  }
}

/** A form or a text can be sent by any web page without asking first; JSON cannot. */
function refuseOtherTypes(request: Request): void {
  const [type = '', ...parameters] = (request.headers.get('Content-Type') ?? '').split(';');
  const mediaType = type.trim().toLowerCase();
  const charset = parameters
    .map((parameter) => parameter.trim().toLowerCase())
    .find((p) => p.startsWith('charset='));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  const encoding = (request.headers.get('Content-Encoding') ?? 'identity').toLowerCase();
  if (mediaType === 'application/json' && isUtf8 && encoding === 'identity') return;
  const got = mediaType === '' ? 'no Content-Type' : `${mediaType}${isUtf8 ? '' : ` in ${charset}`}`;
  const encoded = encoding === 'identity' ? '' : `, encoded as ${encoding}`;
  throw new LumaError('unsupported_media_type', `the body must be application/json, not ${got}${encoded}`, {
    hint: 'Send the header Content-Type: application/json.',
    fields: [{ field: 'Content-Type', message: 'must be application/json in UTF-8, not compressed' }],
  });
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const declared = Number(request.headers.get('Content-Length') ?? 0);
  if (declared > BODY_BYTES_MAX) throw bodyTooLarge();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) throw bodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LumaError('invalid_json', 'the body is not UTF-8', {
      hint: 'Send JSON in UTF-8.',
      cause,
      fields: [{ field: 'body', message: 'is not UTF-8' }],
    });
  }
}

function bodyTooLarge(): LumaError {
  return new LumaError('body_too_large', `the body is larger than ${BODY_BYTES_MAX} bytes`, {
    hint: 'Mount large files into the container instead of sending them as variables.',
    fields: [{ field: 'body', message: `must be at most ${BODY_BYTES_MAX} bytes long` }],
  });
}
