// The Worker's main module: hands requests to the Wasm, and starts that anew when it has trapped.
//
// A panic is a trap, and what has trapped cannot be trusted any more: its streams end, and a new instance serves whatever
// comes next. What a request means is `entry.rs`'s to say, and `sessions.rs`'s for the Durable Object.

import * as wasm from "pasarela-edge";

/** Counts the instances: what belongs to an earlier one leads nowhere. */
let generation = 0;

/**
 * Puts a new instance in the place of the one that has trapped.
 *
 * wasm-bindgen would do so by itself, but only when it is called next. An older stream's event may be that call, and it
 * would enter the new instance with addresses of the old one's memory.
 */
function restart() {
  generation += 1;
  wasm.__wbg_reset_state();
  wasm.attach(restart, guard);
}

/**
 * The function that all events of one stream go through: `handle`, until it says that the stream is over, or the instance that
 * it leads into is gone. Then it lets go of `handle`: a connection that was given up while it was being established never
 * settles its promises, and these hold this function for good.
 */
function guard(handle, sockets, over) {
  const own = generation;
  let ended = false;
  return (number, value) => {
    if (ended) {
      return;
    }
    try {
      ended = !handle(number, value);
    } catch (error) {
      ended = true;
      recover(error, own);
      // The kind of error alone: its message may quote anything.
      console.error("a stream ended with its instance:", (error.cause ?? error).name);
      for (const socket of sockets) {
        end(socket);
      }
      sockets.clear();
      over();
    }
    if (ended) {
      handle = sockets = over = undefined;
    }
  };
}

/** Sees to a trap where nothing guards: in what Wasm exports for wasm-bindgen's own use. */
function recover(error, own) {
  if (error instanceof WebAssembly.RuntimeError && own === generation) {
    restart();
  }
}

/** Closes a WebSocket, as `Code::Crashed` says, or a TCP connection, which takes no notice of a code. */
function end(socket) {
  try {
    socket.close(1011, "crashed")?.catch(() => {});
  } catch {
    // It is closed already.
  }
}

/** Calls into the Wasm on behalf of the platform. */
function call(work) {
  const own = generation;
  try {
    return work();
  } catch (error) {
    recover(error, own);
    throw error;
  }
}

wasm.attach(restart, guard);

export default {
  fetch: (request, env, context) => call(() => wasm.fetch(request, env, context)),
};

/** The Durable Object. An instance's object ends with it; the platform's goes on with a new one, which has no sessions. */
export class Sessions {
  #env;
  #object;
  #generation;

  constructor(_, env) {
    this.#env = env;
  }

  fetch(request) {
    return call(() => {
      if (this.#generation !== generation) {
        this.#object = new wasm.Sessions(this.#env);
        this.#generation = generation;
      }
      return this.#object.fetch(request);
    });
  }
}
