// One WebSocket to WhatsApp: opened, asked for the proof, and closed whatever happens.
//
// Whether an answer is one is judged by the Wasm. `/pipe/chat` brings it in any pieces, `/ws/chat` as one message.

import { Failure, within } from './limits.mjs';

/**
 * Resolves with the time between question and answer, in whole milliseconds, once WhatsApp is proven to be there.
 *
 * `question` has the `root` to be believed (hex; WhatsApp's own if there is none), the seconds by which this device's clock
 * is ahead of the relay's (`null` if they are not known), and the `wasm`.
 */
export async function prove(url, { root, clockAhead, wasm }, limits, stages) {
  let proof = null;
  let socket = null;
  try {
    await stages.run('connect', async () => {
      proof = ask(wasm, root, clockAhead);
      socket = open(url.replace(/^http/, 'ws'));
      await within(limits, 'websocket', opened(socket));
    });
    const hello = await stages.run('hello', async () => {
      const answer = await within(limits, 'silent', answered(socket, proof, wasm.faultOfClose));
      if (answer.fault === 'garbled') throw new Failure(answer.fault);
      return answer;
    });
    await stages.run('proof', async () => {
      if (hello.fault) throw new Failure(hello.fault, proof.clockOff());
    });
    return hello.ms;
  } finally {
    if (socket) leave(socket);
    if (proof) proof.free();
  }
}

function ask({ Proof }, root, clockAhead) {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const now = Math.floor(Date.now() / 1000);
  const proof = Proof.ask(random, bytes(root || ''), now, clockAhead === null ? undefined : now - clockAhead);
  if (!proof) throw new Failure('internal');
  return proof;
}

function bytes(hex) {
  return Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
}

function open(url) {
  if (typeof WebSocket !== 'function') throw new Failure('browser');
  try {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    return socket;
  } catch (error) {
    throw new Failure('websocket');
  }
}

function opened(socket) {
  return new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onclose = () => reject(new Failure('websocket'));
  });
}

function answered(socket, proof, faultOfClose) {
  return new Promise((resolve, reject) => {
    const sent = performance.now();
    socket.onclose = ({ code, reason }) => reject(new Failure(faultOfClose(code, reason)));
    socket.onmessage = ({ data }) => {
      const ms = Math.round(performance.now() - sent);
      try {
        if (typeof data === 'string') throw new Failure('garbled');
        if (proof.take(new Uint8Array(data))) resolve({ ms, fault: proof.fault() });
      } catch (error) {
        reject(error);
      }
    };
    socket.send(proof.hello());
  });
}

/** Nothing that comes afterwards is of interest, and the proof is no longer there to take it. */
function leave(socket) {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  socket.close();
}
