#!/usr/bin/env node
// Runs the page's check in Node.js, without the page: `check.mjs ORIGIN OPTIONS`, options in JSON. On stdout is one JSON object
// with what it said. It judges nothing; `../../page_check.rs` does. The page around it is looked at in a real browser.
//
// Options: key, root, timeout as `check` takes them; `ahead` and `relayAhead`, seconds by which this device's clock and the
// relay's are ahead (null: it does not tell the time); `abortAt`, the stage at whose beginning it is aborted; `frozen`: the Wasm
// never comes, the first time, and it is checked twice.

import { readFile } from 'node:fs/promises';

const [origin, options] = [process.argv[2], JSON.parse(process.argv[3])];
const { ahead = 0, relayAhead = 0, abortAt, frozen = false, ...asked } = options;

const now = Date.now;
Date.now = () => now() + 1000 * ahead;

let ice = frozen;
const cut = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

// Node.js fetches no files. Cloudflare adds the Date that workerd alone does not have.
const network = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  if (String(url).startsWith('file:')) {
    if (ice) await cut(init.signal);
    return new Response(await readFile(new URL(url)));
  }
  const response = await network(url, init);
  const headers = relayAhead === null ? {} : { date: new Date(now() + 1000 * relayAhead).toUTCString() };
  return new Response(await response.text(), { status: response.status, headers });
};

const { check } = await import('../../../target/page/check.js');
const abort = new AbortController();
const stages = [];
const onStage = ({ stage, state }) => {
  stages.push(`${stage} ${state}`);
  if (stage === abortAt) abort.abort();
};
let heard = null;
const onUpstreams = (upstreams) => (heard = upstreams);
const run = () => check({ origin, ...asked, onStage, onUpstreams, signal: abort.signal }).catch((error) => ({ rejected: error.name }));
const first = await run();
ice = false;
const verdict = frozen ? { ...first, again: await run() } : first;
// What is heard after the verdict, too: Node.js ends when nothing is open.
process.on('exit', () => console.log(JSON.stringify({ stages, heard, ...verdict })));
