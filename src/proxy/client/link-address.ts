/**
 * Where a WebSocket finds the management socket. A URL cannot say every path (Bun escapes what is not ASCII, a space, `#`,
 * `?`, `:`, and does not undo it), so the socket is opened as a path only, and called by its descriptor.
 */
import { closeSync, openSync } from 'node:fs';

/** Linux: a handle on the file itself; a socket cannot be opened otherwise. */
const O_PATH = 0o10000000;

/** A path that a URL leaves as it is. */
const plainPath = /^[\w./~-]+$/;

export interface LinkAddress {
  readonly url: string;
  /** Once the connection is open, or has failed. */
  release(): void;
}

/** Throws where nothing is. */
export function linkAddress(socketPath: string): LinkAddress {
  if (plainPath.test(socketPath)) return { url: urlOf(socketPath), release: () => {} };
  let descriptor: number | null = openSync(socketPath, O_PATH);
  return {
    url: urlOf(`/proc/self/fd/${descriptor}`),
    release: () => {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}

function urlOf(path: string): string {
  return `ws+unix://${path}:/v1/link`;
}
