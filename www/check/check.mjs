// The page's check: goes the way that a phone's bytes go through a relay, stage by stage, until WhatsApp itself answers with
// certificates that nobody in between can make. No account is involved.
//
// It is loaded when somebody asks for it and starts nothing by itself. What the stages and codes mean in words, and how
// they look, is the page's (`../page.js`); the proof is Wasm's (`../../src/browser`).

import { Failure, within } from './limits.mjs';
import { load } from './proof.mjs';
import { probe, status } from './status.mjs';
import { prove } from './stream.mjs';

/** For each stage, in milliseconds. A relay gives its upstreams 8 s, so that it is the relay that says which one fails. */
const TIMEOUT = 10000;

/** The first stage may take so many times as long: how slow the line is shows only then. */
const UNKNOWN_LINE = 3;

/** The others have in addition so many times what the first took: TCP, TLS, the upgrade and the answer are a round trip each. */
const ROUND_TRIPS = 4;

/** Which upstreams answer is of most interest when something failed: then it is waited for so long. */
const PROBE_GRACE = 2000;

/**
 * Whether the relay at `origin` leads to WhatsApp.
 *
 * `onStage({ stage, state, ms })` hears of 'relay', 'connect', 'hello', 'proof' and 'library' in this order; `proof` is what
 * counts, unless the library's way is a forgery. `onUpstreams` hears which upstreams answer, perhaps after the verdict. It rejects only when `signal` aborts it.
 */
export async function check({ origin, key, root, onStage, onUpstreams, signal, timeout }) {
  const limits = { signal, timeout: timeout || TIMEOUT };
  const base = key ? `${origin}/${encodeURIComponent(key)}` : origin;
  const verdict = { ok: false, ms: null, stage: null, code: null, place: null, upstreams: null, clockOff: null, library: null };
  const stages = new Stages(onStage);
  const loading = load(limits);
  // Whoever waits for it hears of it; nobody does if the relay does not answer.
  loading.catch(() => {});
  let probed = null;
  try {
    const unhurried = { signal, timeout: limits.timeout * UNKNOWN_LINE };
    const begun = performance.now();
    const relay = await stages.run('relay', () => status(base, unhurried));
    limits.timeout += ROUND_TRIPS * (performance.now() - begun);
    verdict.place = relay.place;
    probed = probe(base, limits).then((upstreams) => {
      verdict.upstreams = upstreams;
      if (onUpstreams && !(signal && signal.aborted)) onUpstreams(upstreams);
    });
    const wasm = await loading.catch((error) => {
      stages.last = 'connect';
      throw error;
    });
    const question = { root, clockAhead: relay.clockAhead, wasm };
    verdict.ms = await prove(`${base}/pipe/chat`, question, limits, stages);
    verdict.ok = true;
    verdict.library = await library(`${base}/ws/chat`, question, limits, stages);
    // A relay that leads astray on one way is none to be used on the other.
    if (verdict.library.code === 'forged') Object.assign(verdict, { ok: false, ms: null, stage: 'library', code: 'forged' });
  } catch (error) {
    const failure = Failure.of(error, signal);
    Object.assign(verdict, { stage: stages.last, code: failure.code, clockOff: failure.clockOff });
    await within({ signal, timeout: PROBE_GRACE }, 'silent', probed).catch(() => {});
  }
  return verdict;
}

/**
 * The same proof on the way that libraries go: what does not work there is no reason not to use the relay with a phone.
 * Therefore it is waited for only half as long.
 */
async function library(url, question, limits, stages) {
  const half = { signal: limits.signal, timeout: limits.timeout / 2 };
  try {
    await stages.run('library', () => prove(url, question, half, new Stages()));
    return { ok: true, code: null };
  } catch (error) {
    return { ok: false, code: Failure.of(error, limits.signal).code };
  }
}

/** The QR code of a text: how many modules wide it is with its border, and the `d` of an SVG's path that paints the dark ones. */
export async function qr(text) {
  const { qrCode } = await load({ timeout: TIMEOUT });
  const code = qrCode(text);
  if (code === undefined) throw new RangeError('too long for a QR code');
  const space = code.indexOf(' ');
  return { size: Number(code.slice(0, space)), path: code.slice(space + 1) };
}

/** Tells of the stages, and remembers the last. */
class Stages {
  constructor(tell) {
    this.tell = tell || (() => {});
    this.last = null;
  }

  /** One stage is all of this work. */
  async run(stage, work) {
    this.last = stage;
    this.tell({ stage, state: 'running', ms: null });
    const start = performance.now();
    const over = (state) => this.tell({ stage, state, ms: performance.now() - start });
    try {
      const result = await work();
      over('ok');
      return result;
    } catch (error) {
      over('failed');
      throw error;
    }
  }
}
