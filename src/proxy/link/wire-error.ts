/** LumaErrors across a socket: the same code, message, hint and details on both sides. */
import { isLumaError, LumaError, messageOf } from '../../base/errors.ts';
import type { WireError } from './messages.ts';

/** Whatever is no LumaError is a bug, and says so. */
export function toWireError(error: unknown): WireError {
  if (!isLumaError(error)) {
    return {
      code: 'internal_error',
      message: `luma-proxy failed: ${messageOf(error)}`,
      hint: 'this is a bug: see its log',
    };
  }
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: { ...error.details } }),
  };
}

export function fromWireError(error: WireError): LumaError {
  return new LumaError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.details === undefined ? {} : { details: error.details }),
  });
}
