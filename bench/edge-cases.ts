/** The loads of bench/edge.ts by name: what is asked, how, and of which upstream. No state. */

export interface EdgeCase {
  readonly name: string;
  readonly says: string;
  readonly path: string;
  readonly connections: number;
  readonly headers: readonly string[];
  /** A body that is posted; 0: none. */
  readonly postBytes: number;
  /** Messages over upgraded connections in place of requests. */
  readonly isEcho: boolean;
}

const BROWSER_HEADERS = [
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Cache-Control: max-age=0',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: none',
  'Upgrade-Insecure-Requests: 1',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
];

const PLAIN = { path: '/100', connections: 64, headers: [], postBytes: 0, isEcho: false };

export const EDGE_CASES: readonly EdgeCase[] = [
  { ...PLAIN, name: 'plain', says: '100-byte answers' },
  { ...PLAIN, name: 'varied', says: '100-byte answers, every request another target', path: '/v/' },
  { ...PLAIN, name: 'browser', says: 'a browser’s headers', headers: BROWSER_HEADERS },
  { ...PLAIN, name: '10k', says: '10 KB answers', path: '/10k' },
  { ...PLAIN, name: '1m', says: '1 MB answers', path: '/1m' },
  { ...PLAIN, name: 'crowd', says: '100-byte answers, 1,000 connections', connections: 1_000 },
  { ...PLAIN, name: 'fresh', says: 'a new connection per request', headers: ['Connection: close'] },
  { ...PLAIN, name: 'post', says: 'POST of 10 KB', postBytes: 10_240 },
  { ...PLAIN, name: 'echo', says: 'WebSocket messages there and back', isEcho: true },
];

/** For wrk: what its command line cannot say; null where it can. */
export function wrkScript(one: EdgeCase): string | null {
  if (one.postBytes > 0) {
    return `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", ${one.postBytes})
`;
  }
  if (one.name !== 'varied') return null;
  return `local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/v/" .. n .. "?q=" .. (n * 7919 % 1000))
end
`;
}
