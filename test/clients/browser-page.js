/** What a page does in the browser of these tests: one function per case, called by name from browser.test.ts. */
const MEBIBYTE = 1024 * 1024;

function noise(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536)
    crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)));
  return bytes;
}

async function sha256(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const cases = {
  async upload() {
    const body = noise(10 * MEBIBYTE);
    const byFetch = await (await fetch('/digest', { method: 'POST', body })).json();
    const progress = [];
    const byXhr = await new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.upload.onprogress = ({ loaded }) => progress.push(loaded);
      request.onload = () => resolve(JSON.parse(request.responseText));
      request.onerror = reject;
      request.open('PUT', '/digest');
      request.send(body);
    });
    const own = await sha256(body);
    return { same: [byFetch, byXhr].map(({ sha256 }) => sha256 === own), hasProgress: progress.length > 0 };
  },

  async download() {
    const answer = await fetch(`/file?bytes=${30 * MEBIBYTE}`, { cache: 'no-store' });
    const whole = await answer.arrayBuffer();
    const isSame = answer.headers.get('etag') === `"${await sha256(whole)}"`;
    const ranges = ['bytes=0-99', 'bytes=1000-', 'bytes=-5'].map(async (range) => {
      const part = await fetch('/file?bytes=2000', { headers: { range }, cache: 'no-store' });
      return [part.status, part.headers.get('content-range'), (await part.arrayBuffer()).byteLength];
    });
    return { isSame, ranges: await Promise.all(ranges) };
  },

  async compressed() {
    const lengths = ['gzip', 'deflate', 'br', 'gzip&length', 'br&length'].map(async (coding) => {
      return (await (await fetch(`/compressed?coding=${coding}`)).text()).length;
    });
    return Promise.all(lengths);
  },

  async events() {
    const source = new EventSource('/events?channel=page');
    const seen = [];
    await new Promise((resolve) => {
      source.onmessage = ({ data }) => {
        seen.push(data);
        if (seen.length < 3) fetch(`/publish?channel=page&text=event-${seen.length}`);
        else if (seen.length === 3) fetch('/publish?channel=page&text=end');
        else resolve();
      };
    });
    source.close();
    return seen;
  },

  async polling() {
    const polls = [1, 2, 3].map((n) => fetch(`/poll?channel=page-${n}`).then((answer) => answer.text()));
    for (const n of [2, 3, 1]) await fetch(`/publish?channel=page-${n}&text=word-${n}`);
    return Promise.all(polls);
  },

  async hints() {
    return (await fetch('/hints')).text();
  },

  async many() {
    const asked = Array.from(
      { length: 200 },
      async (_, n) => (await (await fetch(`/seen?n=${n}`)).json()).url,
    );
    return (await Promise.all(asked)).every((url, n) => url === `/seen?n=${n}`);
  },

  async aborts() {
    const controller = new AbortController();
    const answer = await fetch('/endless?id=page-download', { signal: controller.signal });
    await answer.body.getReader().read();
    controller.abort();
    const download = await (await fetch('/fate?id=page-download')).text();
    const upload = new XMLHttpRequest();
    upload.upload.onprogress = () => upload.abort();
    upload.open('POST', '/digest?id=page-upload');
    upload.send(new Blob(Array.from({ length: 300 }, () => new Uint8Array(MEBIBYTE))));
    return { download, upload: await (await fetch('/fate?id=page-upload')).text() };
  },

  async socket() {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/socket`, ['chat', 'other']);
    socket.binaryType = 'arraybuffer';
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const next = () => new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
    const ask = async (data) => {
      const back = next();
      socket.send(data);
      return (await back).data;
    };
    const body = noise(16 * MEBIBYTE);
    const isSame = (await sha256(await ask(body))) === (await sha256(body));
    const text = 'words '.repeat(100_000);
    const isTextSame = (await ask(text)) === text;
    const pong = await ask('ping');
    const closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
    });
    socket.send('close 4100 as asked');
    return {
      protocol: socket.protocol,
      extensions: socket.extensions,
      isSame,
      isTextSame,
      pong,
      closed: await closed,
    };
  },

  async closing() {
    const results = [];
    for (const end of [(socket) => socket.close(4200, 'mine'), (socket) => socket.send('cut')]) {
      const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/socket`);
      await new Promise((resolve) => {
        socket.onopen = resolve;
      });
      const closed = new Promise((resolve) => {
        socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
      });
      end(socket);
      results.push(await closed);
    }
    return results;
  },
};
globalThis.cases = cases;
