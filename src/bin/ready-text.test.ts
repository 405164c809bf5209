import { expect, test } from 'bun:test';
import { type Ready, readyText } from './ready-text.ts';

const ready: Ready = {
  config: { apiHost: '127.0.0.1', apiPort: 8081, logFormat: 'text' },
  version: '1.2.3',
  chosen: { name: 'Docker', version: '20.10', reason: null },
  proxyUrls: ['http://127.0.0.1:8080'],
};

test('is one line with both addresses and the runtime’s name and version', () => {
  expect(readyText(ready)).toBe(
    'luma 1.2.3 is ready: proxy http://127.0.0.1:8080, API http://127.0.0.1:8081, runtime Docker 20.10\n',
  );
});

test('says why a runtime was chosen, where that was left to Luma', () => {
  const chosen = { name: 'local processes', version: 'Linux 6.1', reason: 'no Docker: nothing answers' };
  expect(readyText({ ...ready, chosen })).toEndWith(
    'runtime local processes Linux 6.1 (no Docker: nothing answers)\n',
  );
});

test('says that the proxy is not there yet', () => {
  expect(readyText({ ...ready, proxyUrls: [] })).toContain('proxy not there yet,');
});

test('is an object where lines are for machines', () => {
  const text = readyText({ ...ready, config: { ...ready.config, logFormat: 'json' } });
  expect(text.split('\n')).toHaveLength(2);
  expect(JSON.parse(text)).toMatchObject({ ready: true, api_url: 'http://127.0.0.1:8081' });
});
