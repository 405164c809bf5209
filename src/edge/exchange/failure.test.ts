import { expect, test } from 'bun:test';
import { FAILURES, failureAnswer, failureOfWake } from './failure.ts';
import { writeOwnAnswer } from './own-answer.ts';

function written(accept: string, method = 'GET', failure = FAILURES.holdTimeout): string {
  const answer = failureAnswer(failure, { accept, requestId: 'r-1' });
  return writeOwnAnswer(answer, method, 'Connection: close\r\n').toString('utf8');
}

test('a browser gets a page', () => {
  const text = written('text/html,application/xhtml+xml,*/*;q=0.8');
  expect(text).toContain('Content-Type: text/html; charset=utf-8\r\n');
  expect(text).toContain('<h1>503 Service Unavailable</h1>');
  expect(text).toContain('request r-1');
});

test('a program that asks for JSON gets a problem document', () => {
  const text = written('application/json');
  expect(text).toContain('Content-Type: application/problem+json\r\n');
  expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    code: 'wake_timeout',
    detail: 'The service did not start in time.',
    request_id: 'r-1',
  });
});

test('everybody else gets lines, and HEAD nothing but the head', () => {
  expect(written('*/*')).toEndWith('code: wake_timeout\nrequest: r-1\n');
  expect(written('*/*', 'HEAD')).toEndWith('Connection: close\r\n\r\n');
});

test('says when to come again, rounded up to seconds', () => {
  expect(written('', 'GET', failureOfWake('x', 'y', 1_001))).toContain('Retry-After: 2\r\n');
  expect(written('', 'GET', failureOfWake('x', 'y', 1))).toContain('Retry-After: 1\r\n');
  expect(written('', 'GET', FAILURES.unknownHost)).not.toContain('Retry-After');
});

test('the length is that of the bytes, and words of others cannot become markup', () => {
  const failure = failureOfWake('exited', '<script>é</script>', 1_000);
  const text = writeOwnAnswer(failureAnswer(failure, { accept: 'text/html', requestId: 'r' }), 'GET', '');
  const head = text.toString('utf8', 0, text.indexOf('\r\n\r\n'));
  const body = text.subarray(text.indexOf('\r\n\r\n') + 4);
  expect(head).toContain(`Content-Length: ${body.length}`);
  expect(body.toString('utf8')).toContain('&lt;script&gt;é&lt;/script&gt;');
});

test('a code of others stays within its line', () => {
  const failure = failureOfWake('bad\r\nSet-Cookie: x', 'm', 1_000);
  expect(written('', 'GET', failure)).not.toContain('\r\nSet-Cookie');
});
