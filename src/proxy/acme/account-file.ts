/** The account with one CA: its key and where the CA keeps it, in `account.json` beside that CA's certificates, 0600. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import { LumaError, messageOf } from '../../base/errors.ts';

const accountSchema = z.strictObject({
  version: z.literal(1),
  directoryUrl: z.string(),
  keyPem: z.string().min(1),
  /** Null: the CA has not heard of it yet. */
  url: z.string().nullable(),
  /** As the CA was last told. */
  email: z.string().nullable(),
  /** The external account it was bound to. */
  externalKeyId: z.string().nullable(),
});

export type AcmeAccount = Readonly<Omit<z.infer<typeof accountSchema>, 'version'>>;

/** Null: there is none. Rejects with `acme_account_unreadable`, and leaves the file as it is. */
export async function readAccount(folder: string, directoryUrl: string): Promise<AcmeAccount | null> {
  const path = join(folder, 'account.json');
  try {
    const { version: _, ...account } = accountSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    if (account.directoryUrl !== directoryUrl) throw new Error(`it is of ${account.directoryUrl}`);
    return account;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, error);
  }
}

export async function writeAccount(folder: string, account: AcmeAccount): Promise<void> {
  const text = JSON.stringify({ version: 1, ...account }, null, 2);
  await writeFileAtomic(join(folder, 'account.json'), `${text}\n`);
}

function unreadable(path: string, cause: unknown): LumaError {
  return new LumaError(
    'acme_account_unreadable',
    `the account file ${path} cannot be read: ${messageOf(cause)}`,
    {
      hint: 'bring it back from a backup, or move it away: then Luma registers a new account',
      cause,
    },
  );
}
