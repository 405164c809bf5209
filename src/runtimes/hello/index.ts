/** The door to the bundled hello server: where its one file is, and how a project names it. */
import { fileURLToPath } from 'node:url';

/** The file; it imports nothing, and needs only Bun. */
export const helloServerPath = fileURLToPath(new URL('./server.ts', import.meta.url));

/** The process runtime knows this name, so that a stored project survives an upgrade that moves Luma. */
export const HELLO_PROGRAM = 'luma-hello';

/** `command` of the hello project on the process runtime. */
export function helloCommand(): readonly string[] {
  return [HELLO_PROGRAM];
}
