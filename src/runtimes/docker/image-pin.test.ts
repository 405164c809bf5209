import { describe, expect, test } from 'bun:test';
import { choosePin } from './image-pin.ts';

const id = `sha256:${'a'.repeat(64)}`;
const digest = `sha256:${'b'.repeat(64)}`;

describe('an image is pinned', () => {
  const cases: [string, string, string[], string][] = [
    ['to its digest', 'nginx:1.27', [`nginx@${digest}`], `nginx@${digest}`],
    [
      'to its digest on Docker Hub, however it is written',
      'docker.io/library/nginx',
      [`nginx@${digest}`],
      `nginx@${digest}`,
    ],
    [
      'to the digest of the registry that was asked for',
      'localhost:5000/app:2',
      [`app@${digest}`, `localhost:5000/app@${digest}`],
      `localhost:5000/app@${digest}`,
    ],
    ['to its id where it was built here', 'app:dev', [], id],
    ['to its id where it came from another repository', 'app:dev', [`other/app@${digest}`], id],
    ['to its id where that was asked for', id, [`nginx@${digest}`], id],
  ];
  for (const [says, image, digests, pin] of cases)
    test(says, () => expect(choosePin(image, id, digests)).toBe(pin));
});
