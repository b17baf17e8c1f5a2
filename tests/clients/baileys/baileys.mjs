#!/usr/bin/env node
// Drives the real, unmodified Baileys against a relay or the simulator and tells on stdout, one JSON object a line,
// what the library saw. `../README.md` holds the contract all three drivers keep.
//
// It does not pair, judge or start anything: `pasarela-sim` answers, the end-to-end tests judge. Baileys checks no
// certificate signature in effect (it ignores the boolean that libsignal returns), so whatsmeow is the judge of those.

import { Console } from 'node:console';
import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import makeWASocket, { initAuthCreds, WA_CERT_DETAILS } from 'baileys';
import { SocksProxyAgent } from 'socks-proxy-agent';

const USAGE = 'usage: baileys.mjs URL [--root-key HEX] [--routing-info HEX] [--stay SECONDS] [--timeout SECONDS] [--socks5 HOST:PORT]';
const EXIT = { good: 0, failed: 1, usage: 2, timeout: 3 };
/** Given, so that nothing is looked up. */
const VERSION = [2, 3000, 1033846690];
const CLOSE_GRACE_MS = 2000;
const LIBRARY_KEEP_ALIVE_MS = 30_000;

// stdout belongs to the events; the library's dependencies print too.
globalThis.console = new Console(process.stderr);
const tell = event => writeSync(1, `${JSON.stringify(event)}\n`);

/** A pino-compatible logger: warn and above become events, all of it goes to stderr. */
const logger = {
  level: 'info',
  child: () => logger,
  trace: () => {},
  debug: () => {},
  info: (...line) => console.error('info', describe(line)),
  warn: (...line) => tell({ event: 'warning', message: describe(line) }),
  error: (...line) => tell({ event: 'warning', message: describe(line) }),
  fatal: (...line) => tell({ event: 'warning', message: describe(line) }),
};

/** pino is called with (object, text), (text) or (object); errors hide in `err`, `error` or `trace`. */
function describe(line) {
  const shown = (key, value) => (value instanceof Error ? value.message : Buffer.isBuffer(value) ? value.toString('hex') : value);
  return line.map(part => (typeof part === 'string' ? part : JSON.stringify(part, shown))).join(' ');
}

function usage(problem) {
  console.error(`${problem}\n${USAGE}`);
  process.exit(EXIT.usage);
}

function options() {
  let parsed;
  try {
    const text = { type: 'string' };
    parsed = parseArgs({ allowPositionals: true, options: { 'root-key': text, 'routing-info': text, stay: text, timeout: text, socks5: text, help: { type: 'boolean' } } });
  } catch (error) {
    usage(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) usage('drives Baileys');
  if (positionals.length !== 1 || !/^wss?:\/\//.test(positionals[0])) usage('one ws:// URL is needed');
  const rootKey = hex('--root-key', values['root-key']);
  if (rootKey && rootKey.length !== 32) usage('--root-key is 32 bytes');
  return {
    url: positionals[0],
    rootKey,
    routingInfo: hex('--routing-info', values['routing-info']),
    stayMs: seconds('--stay', values.stay ?? '0'),
    timeoutMs: seconds('--timeout', values.timeout ?? '20'),
    // socks5h: the proxy looks names up.
    agent: values.socks5 && new SocksProxyAgent(`socks5h://${values.socks5}`),
  };
}

function hex(name, text) {
  if (text === undefined) return undefined;
  if (!/^([0-9a-f]{2})+$/i.test(text)) usage(`${name} is hex`);
  return Buffer.from(text, 'hex');
}

function seconds(name, text) {
  if (!/^\d+(\.\d+)?$/.test(text)) usage(`${name} is a number of seconds`);
  return Number(text) * 1000;
}

/** The key store the library asks for, in memory. */
function memoryKeys() {
  const kept = new Map();
  const slot = type => kept.get(type) ?? kept.set(type, {}).get(type);
  return {
    get: async (type, ids) => Object.fromEntries(ids.map(id => [id, slot(type)[id]])),
    set: async data => Object.entries(data).forEach(([type, entries]) => Object.assign(slot(type), entries)),
  };
}

/** Three keep-alives within the stay, none slower than the library's own. */
const keepAliveMs = stayMs => (stayMs ? Math.min(LIBRARY_KEEP_ALIVE_MS, Math.max(1000, stayMs / 3)) : LIBRARY_KEEP_ALIVE_MS);

function connect({ url, rootKey, routingInfo, stayMs, agent }) {
  if (rootKey) WA_CERT_DETAILS.PUBLIC_KEY = rootKey;
  return makeWASocket({
    waWebSocketUrl: url,
    agent,
    version: VERSION,
    auth: { creds: { ...initAuthCreds(), routingInfo }, keys: memoryKeys() },
    logger,
    keepAliveIntervalMs: keepAliveMs(stayMs),
  });
}

/** Closes the connection as the library does and leaves; never waits longer than the grace. */
async function leave(sock, code) {
  const grace = new Promise(resolve => setTimeout(resolve, CLOSE_GRACE_MS));
  await Promise.race([Promise.resolve(sock?.end(undefined)).catch(() => {}), grace]);
  process.exit(code);
}

function main() {
  const wanted = options();
  let sock;
  let leaving = false;
  const finish = code => {
    if (leaving) return;
    leaving = true;
    void leave(sock, code);
  };
  const fail = message => {
    if (!leaving) tell({ event: 'error', message });
    finish(EXIT.failed);
  };
  // A frame that does not decrypt surfaces here: Baileys leaves that promise without a handler.
  process.on('uncaughtException', error => fail(`uncaught: ${error.message}`));
  process.on('unhandledRejection', error => fail(`unhandled rejection: ${error?.message ?? error}`));
  sock = connect(wanted);
  watch(sock, wanted, { finish, fail, isLeaving: () => leaving });
}

function watch(sock, { routingInfo, stayMs, timeoutMs }, { finish, fail, isLeaving }) {
  const deadline = setTimeout(() => finish(EXIT.timeout), timeoutMs);
  let seenQr = false;
  let answers = 0;
  let wire = { code: null, reason: '' };
  sock.ws.on('open', () => tell({ event: 'open' }));
  sock.ws.on('close', (code, reason) => (wire = { code, reason: String(reason) }));
  sock.ws.on('frame', node => (answers += seenQr && node.tag === 'iq' && node.attrs.type === 'result' ? 1 : 0));

  const stayed = () => (stayMs >= 2 * keepAliveMs(stayMs) && answers === 0 ? fail('no keep-alive was answered') : finish(EXIT.good));
  const update = ({ connection, qr, lastDisconnect }) => {
    if (isLeaving()) return;
    if (connection === 'connecting') tell({ event: 'connecting' });
    if (qr && !seenQr) {
      seenQr = true;
      clearTimeout(deadline);
      tell({ event: 'qr', qr });
      setTimeout(stayed, stayMs);
    }
    if (connection === 'close') {
      const { message, output } = lastDisconnect?.error ?? {};
      tell({ event: 'close', ...wire, library: `${output?.statusCode ?? ''} ${message ?? ''}`.trim() });
      finish(EXIT.failed);
    }
  };
  sock.ev.on('connection.update', update);
  let known = routingInfo?.toString('hex');
  sock.ev.on('creds.update', ({ routingInfo: stored }) => {
    const now = stored && Buffer.from(stored).toString('hex');
    if (!now || now === known) return;
    known = now;
    tell({ event: 'routing-info', hex: now });
  });
}

main();
