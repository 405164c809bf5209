/** What the API shows of a registry. */
import type { RegistryView } from '../control/contract.ts';
import type { RegistryJson } from './schemas/registry-input.ts';

export function toRegistryJson({ host, kind, username, updatedAt }: RegistryView): RegistryJson {
  return { host, auth: kind, username, updated_at: new Date(updatedAt).toISOString() };
}
