/**
 * The tiny server that ships with Luma: proves that a request wakes an instance. Runs as an instance, in a
 * process or a container of its own, on the address of its first argument; imports nothing, so that it starts at once and is one file to copy.
 */
const {
  PORT = '8080',
  K_SERVICE = 'hello',
  K_REVISION = 'hello-00001',
  LUMA_INSTANCE_ID = 'by hand',
} = process.env;
const hostname = process.argv[2] ?? '0.0.0.0';
const startedAt = performance.now();
let answers = 0;

process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));

Bun.serve({
  hostname,
  port: Number(PORT),
  fetch(request) {
    answers += 1;
    const facts: readonly (readonly [string, string])[] = [
      ['project', K_SERVICE],
      ['revision', K_REVISION],
      ['instance', LUMA_INSTANCE_ID],
      ['awake for', awakeFor()],
      ['answers so far', String(answers)],
    ];
    return request.headers.get('accept')?.includes('text/html') ? page(facts) : text(facts);
  },
});
console.log(`hello listens on port ${PORT}`);

function awakeFor(): string {
  const ms = performance.now() - startedAt;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function text(facts: readonly (readonly [string, string])[]): Response {
  const lines = facts.map(([name, value]) => `  ${name.padEnd(14)}  ${value}\n`);
  const body = `Hello from Luma!\n\n${lines.join('')}\nBe quiet for a while, and I go back to sleep.\n`;
  return new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8', vary: 'accept' } });
}

function page(facts: readonly (readonly [string, string])[]): Response {
  const rows = facts.map(([name, value]) => `<dt>${name}</dt><dd>${Bun.escapeHTML(value)}</dd>`).join('');
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello from Luma</title>
<style>
  :root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif }
  body { max-width: 34rem; margin: 12vh auto; padding: 0 1rem }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem }
  dt { opacity: .6 }
  dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere }
</style>
<h1>Hello from Luma!</h1>
<p>Your request woke me. Be quiet for a while, and I go back to sleep.</p>
<dl>${rows}</dl>
</html>
`;
  return new Response(body, { headers: { 'content-type': 'text/html; charset=utf-8', vary: 'accept' } });
}

export {};
