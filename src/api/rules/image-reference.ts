/** Image references by the grammar of the distribution spec: `[host[:port]/]path[:tag][@digest]`. */
import { problem, type RuleProblem } from './rule.ts';

const hostComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const host = `(?:${hostComponent}(?:\\.${hostComponent})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?`;
const pathComponent = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repository = `(?:${host}/)?${pathComponent}(?:/${pathComponent})*`;
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';

export const IMAGE_REFERENCE_PATTERN = `^(${repository})(?::(${tag}))?(?:@(${digest}))?$`;

const pattern = new RegExp(IMAGE_REFERENCE_PATTERN);
const REPOSITORY_CHARACTERS_MAX = 255;
/** A repository, a tag and a sha512 digest fit. */
const REFERENCE_CHARACTERS_MAX = 600;

const NOT_AN_IMAGE = problem(
  'not_an_image',
  'must be an image reference such as nginx:1.27, ghcr.io/owner/app or app@sha256:…',
);

export function checkImageReference(text: string): RuleProblem | null {
  if (text === '') return problem('required', 'must not be empty');
  if (text.length > REFERENCE_CHARACTERS_MAX)
    return problem('too_long', 'is too long for an image reference');
  const [whole, name = ''] = pattern.exec(text) ?? [];
  if (whole === undefined) return explain(text);
  return name.length > REPOSITORY_CHARACTERS_MAX
    ? problem('too_long', `its name must be at most ${REPOSITORY_CHARACTERS_MAX} characters long`)
    : null;
}

function explain(text: string): RuleProblem {
  if (text.includes('://')) return problem('not_an_image', 'must be without http:// or https://');
  if (/\s/.test(text)) return problem('not_an_image', 'must not contain white space');
  if (text !== text.toLowerCase() && pattern.test(text.toLowerCase())) {
    return problem('upper_case', 'its name must be in lower case');
  }
  return NOT_AN_IMAGE;
}
