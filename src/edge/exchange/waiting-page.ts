/**
 * What a browser sees while a service wakes (wait mode `page`): one document without any other file. Its script asks
 * for the same address with HEAD, which is held like any request that is no page, and reloads when that is answered;
 * without scripts the page reloads every few seconds. Pure.
 */
import type { RequestHead } from '../http1/request-head.ts';
import type { ServiceRoute } from '../routing/service-route.ts';
import { escaped, FAILURES } from './failure.ts';
import type { OwnAnswer } from './own-answer.ts';

/** Also where no script runs, or where one was refused. */
const RELOAD_SECONDS = 2;

/** Whether its service wants it to hear of a wake, rather than wait for it. */
export function isImpatient({ waitMode, traffic }: ServiceRoute, head: RequestHead): boolean {
  if (traffic !== 'forward') return false;
  return waitMode === 'reject' || (waitMode === 'page' && isPageRequest(head));
}

/** A person's browser that opens a document: not a script's request, not a part of something, not an upgrade. */
function isPageRequest(head: RequestHead): boolean {
  if (head.method !== 'GET' || head.hasBody || head.upgrade !== null) return false;
  const { fields } = head;
  if (!(fields.first('accept') ?? '').toLowerCase().includes('text/html')) return false;
  if (fields.first('range') !== undefined || fields.first('x-requested-with') !== undefined) return false;
  const mode = fields.first('sec-fetch-mode');
  return mode === undefined || mode.toLowerCase() === 'navigate';
}

/** 503, so that neither a monitor nor a cache takes it for the app. */
export function waitingPage(service: string, requestId: string): OwnAnswer {
  const body = Buffer.from(page(escaped(service)), 'utf8');
  const lines =
    `Content-Type: text/html; charset=utf-8\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n` +
    `Retry-After: ${RELOAD_SECONDS}\r\nX-Luma-Error: waking\r\nX-Request-ID: ${requestId}\r\n`;
  return { status: 503, reason: 'Service Unavailable', lines, message: FAILURES.waking.message, body };
}

function page(service: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">
<title>Starting ${service}</title>
<noscript><meta http-equiv="refresh" content="${RELOAD_SECONDS}"></noscript>
<style>:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:18vh auto;padding:0 1.5em;color:#222;background:#fff}
h1{font-size:1.4em}p{color:#555}
i{display:block;height:4px;border-radius:2px;background:linear-gradient(90deg,#ddd 40%,#2563eb 50%,#ddd 60%) 0/300%;animation:a 2s linear infinite}
@keyframes a{from{background-position:100%}to{background-position:0}}
@media(prefers-reduced-motion:reduce){i{animation:none}}
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}p{color:#aaa}i{background-image:linear-gradient(90deg,#333 40%,#60a5fa 50%,#333 60%)}}</style></head>
<body><main><h1 role="status">${service} is starting</h1><i aria-hidden="true"></i>
<p>It was asleep, and starts because you asked for it. This page reloads by itself.</p></main>
<script>(function(){
function again(){location.reload()}
function soon(){setTimeout(again,${RELOAD_SECONDS * 1000})}
fetch(location.href,{method:'HEAD',cache:'no-store',credentials:'same-origin'})
.then(function(a){if(a.headers.get('X-Luma-Error')||a.headers.get('X-Luma-Asleep'))soon();else again()},soon)})()</script>
</body></html>
`;
}
