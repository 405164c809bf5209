/** Image references as people write them: which registry, which repository, which version. Pure. */

export interface ImageReference {
  /** As it was written. */
  readonly text: string;
  /** `docker.io`, `localhost:5000`, …; null for the id of an image that is here. */
  readonly registry: string | null;
  /** What the engine's pull takes: the name, and a tag or digest. */
  readonly pullName: string;
  readonly pullTag: string;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const registryPattern = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const idPattern = /^(?:sha256:)?[0-9a-f]{64}$/;
const nameLengthMax = 255;

/** Null where no engine would take it. */
export function parseImageReference(text: string): ImageReference | null {
  if (idPattern.test(text)) return { text, registry: null, pullName: text, pullTag: '' };
  const [named, digest, ...more] = text.split('@');
  if (!named || more.length > 0 || (digest !== undefined && !digestPattern.test(digest))) return null;
  const slash = named.indexOf('/');
  const first = named.slice(0, Math.max(0, slash));
  // The first part is a registry only if it cannot be a user's name on Docker Hub.
  const hasRegistry = /[.:]/.test(first) || first === 'localhost';
  const registry = hasRegistry ? first : 'docker.io';
  const rest = hasRegistry ? named.slice(slash + 1) : named;
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const isValid =
    registryPattern.test(registry) &&
    pathPattern.test(path) &&
    (tag === undefined || tagPattern.test(tag)) &&
    `${registry}/${path}`.length <= nameLengthMax;
  if (!isValid) return null;
  // Without a tag the engine's API pulls every tag there is.
  return {
    text,
    registry,
    pullName: hasRegistry ? `${registry}/${path}` : path,
    pullTag: digest ?? tag ?? 'latest',
  };
}
