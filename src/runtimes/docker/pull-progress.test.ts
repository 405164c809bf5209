import { expect, test } from 'bun:test';
import { PullProgress } from './pull-progress.ts';

const downloading = (id: string, current: number, total: number) => ({
  id,
  status: 'Downloading',
  progressDetail: { current: current * 1_000_000, total: total * 1_000_000 },
});

test('a pull is summed up over its layers', () => {
  const progress = new PullProgress('nginx:1.27');
  expect(String(progress)).toBe('pulling nginx:1.27');
  progress.note({ status: 'Pulling from library/nginx', id: '1.27' });
  progress.note(downloading('a', 1, 100));
  progress.note(downloading('b', 2.5, 28));
  expect(String(progress)).toBe('pulling nginx:1.27: 3.5 of 128 MB');
  progress.note(downloading('a', 40, 100));
  progress.note({ id: 'b', status: 'Download complete' });
  expect(String(progress)).toBe('pulling nginx:1.27: 68 of 128 MB');
});

test('layers that are here already, and unknown messages, change nothing', () => {
  const progress = new PullProgress('x');
  progress.note({ id: 'a', status: 'Already exists' });
  progress.note({ id: 'a', status: 'Pull complete' });
  progress.note({ status: 'Status: Image is up to date' });
  progress.note({ id: 7, status: 'Downloading' });
  expect(String(progress)).toBe('pulling x');
});
