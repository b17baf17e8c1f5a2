// Loads the Wasm that knows WhatsApp's handshake and QR codes, once, from beside this script.

import init, { Proof, faultOfClose, qrCode } from 'pasarela-browser';

import { Failure, within } from './limits.mjs';

/** It is larger than all else that a check asks for, and the line may be bad: it may take so many times as long. */
const PATIENCE = 3;

let loading = null;

/** What the Wasm exports. */
export async function load({ signal, timeout }) {
  if (!loading) loading = begin();
  const { wasm, network } = loading;
  let late = true;
  const known = wasm.finally(() => {
    late = false;
  });
  try {
    // The relay has answered before: where only the longer answer does not come, it is cut on the way.
    return await within({ signal, timeout: PATIENCE * timeout }, 'websocket', known);
  } catch (error) {
    // Nobody waits any more for what is frozen. What is only not wanted now may be wanted soon.
    if (late && !(signal && signal.aborted)) network.abort();
    throw error;
  }
}

function begin() {
  const network = new AbortController();
  const wasm = instantiate(network.signal);
  // The next time it may succeed.
  wasm.catch(() => {
    loading = null;
  });
  return { wasm, network };
}

async function instantiate(signal) {
  if (typeof WebAssembly !== 'object' || typeof crypto !== 'object') throw new Failure('browser');
  const bytes = await download(new URL('check.wasm', import.meta.url), signal);
  try {
    await init({ module_or_path: bytes });
  } catch (error) {
    // The Wasm is in order: a browser that refuses it is too old, or told not to take any.
    throw new Failure('browser');
  }
  return { Proof, faultOfClose, qrCode };
}

async function download(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal });
    if (response.ok) return await response.arrayBuffer();
  } catch (error) {
    throw new Failure('websocket');
  }
  throw new Failure('internal');
}
