/** `luma secrets rotate-key` */
import { defineApiCommand } from '../context.ts';

export const secretsRotateKey = defineApiCommand({
  name: 'secrets rotate-key',
  summary:
    'encrypt every stored secret with a new key; the key file is replaced, the old one opens nothing any more',
  examples: ['luma secrets rotate-key'],
  run: async (context) => {
    const rotated = await context.client.rotateKey({ signal: context.signal });
    const next = 'back the key file up anew: older backups of the database still need the old one';
    context.print(rotated, () => `every secret is encrypted with the key ${rotated.key_id}\n`);
    context.progress(next);
  },
});
