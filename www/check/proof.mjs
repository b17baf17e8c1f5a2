// Loads the Wasm that knows WhatsApp's handshake and QR codes, once, from beside this script.

import init, { Proof, faultOfClose, qrCode } from 'pasarela-page';

import { Failure, within } from './limits.mjs';

let loading = null;

/** What the Wasm exports. */
export function load(limits) {
  if (!loading) {
    loading = instantiate();
    // The next time it may succeed.
    loading.catch(() => {
      loading = null;
    });
  }
  return within(limits, 'offline', loading);
}

async function instantiate() {
  if (typeof WebAssembly !== 'object' || typeof crypto !== 'object') throw new Failure('browser');
  const bytes = await download(new URL('check.wasm', import.meta.url));
  try {
    await init({ module_or_path: bytes });
  } catch (error) {
    // The Wasm is in order: a browser that refuses it is too old, or told not to take any.
    throw new Failure('browser');
  }
  return { Proof, faultOfClose, qrCode };
}

async function download(url) {
  let response;
  try {
    response = await fetch(url);
    if (response.ok) return await response.arrayBuffer();
  } catch (error) {
    throw new Failure('offline');
  }
  throw new Failure('internal');
}
