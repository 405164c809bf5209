/** Which image a revision runs for ever, whatever becomes of its tag. Owns nothing. */
import { z } from 'zod';
import type { InstanceSpec } from '../contract.ts';
import { type Engine, statusOf } from './engine.ts';
import { parseImageReference } from './image-reference.ts';

const imageSchema = z.object({ Id: z.string(), RepoDigests: z.array(z.string()).nullish() });

export function imageOf({ pinnedImage, settings }: InstanceSpec): string {
  return pinnedImage ?? settings.image ?? '';
}

/** By digest of the registry it came from, so that it can be pulled again; otherwise by its id. Null: it is not here. */
export async function pinnedReference(engine: Engine, image: string): Promise<string | null> {
  try {
    const found = imageSchema.parse(await engine.look(`look at the image ${image}`, `/images/${image}/json`));
    return choosePin(image, found.Id, found.RepoDigests ?? []);
  } catch (error) {
    // Removed while its container goes on: the container knows it.
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** An image may carry digests of several repositories: that of the one that was asked for counts. */
export function choosePin(image: string, id: string, repoDigests: readonly string[]): string {
  const repository = repositoryOf(image);
  return repoDigests.find((digest) => repositoryOf(digest) === repository) ?? id;
}

function repositoryOf(image: string): string | null {
  const reference = parseImageReference(image);
  if (!reference || reference.registry === null) return null;
  const { registry, pullName } = reference;
  const path = pullName.startsWith(`${registry}/`) ? pullName.slice(registry.length + 1) : pullName;
  return `${registry}/${path.replace(/^library\//, '')}`;
}
