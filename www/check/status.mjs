// What a relay says of itself: `status.json`, and by the answer's `Date` what time it has.

import { Failure, within } from './limits.mjs';

/** Asks whether there is a relay under this address and key: where it runs, and by how much this device's clock is ahead. */
export async function status(base, limits) {
  const { date, document } = await request(`${base}/status.json`, limits);
  const relay = Date.parse(date);
  const clockAhead = Number.isNaN(relay) ? null : Math.round((Date.now() - relay) / 1000);
  return { place: document.colo || null, clockAhead };
}

/** Which upstreams answer; nothing if it does not say so, for example because it is finding out for somebody else. */
export async function probe(base, limits) {
  try {
    // Twice the time, for it asks one after the other.
    const patience = { signal: limits.signal, timeout: 2 * limits.timeout };
    return (await request(`${base}/status.json?probe=1`, patience)).document.upstreams || null;
  } catch (error) {
    return null;
  }
}

async function request(url, limits) {
  const attempt = new AbortController();
  try {
    return await within(limits, 'offline', answer(url, attempt.signal));
  } finally {
    attempt.abort();
  }
}

async function answer(url, signal) {
  let response;
  let text;
  try {
    response = await fetch(url, { cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer', signal });
    text = await response.text();
  } catch (error) {
    throw new Failure('offline');
  }
  if (!response.ok) throw new Failure(refusal(response.status));
  return { date: response.headers.get('date'), document: parse(text) };
}

/** 429 is how Cloudflare says that a relay has used up its day, 503 how `pasarela serve` says that it is full. */
function refusal(code) {
  if (code === 429 || code === 503) return 'busy';
  return code >= 500 ? 'offline' : 'key';
}

/** An operator's own site may answer any path with a page. */
function parse(text) {
  try {
    const document = JSON.parse(text);
    if (typeof document.version === 'string') return document;
  } catch (error) {
    // Told below.
  }
  throw new Failure('key');
}
