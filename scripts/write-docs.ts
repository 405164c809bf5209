/** Writes what docs take from tables in the source: docs/states, and parts of the README. */
import { resolve } from 'node:path';
import { certificateStatesPage } from './certificate-page.ts';
import { withFreshParts } from './readme-parts.ts';
import { instanceStatesPage } from './state-page.ts';

const root = resolve(import.meta.dir, '..');
const readmePath = resolve(root, 'README.md');

await Bun.write(resolve(root, 'docs/states/instance.md'), instanceStatesPage());
await Bun.write(resolve(root, 'docs/states/certificate.md'), certificateStatesPage());
await Bun.write(readmePath, withFreshParts(await Bun.file(readmePath).text()));
