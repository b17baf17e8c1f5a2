// The `/pipe/chat` route as it is found in many published Workers: the lower end of what Pasarela's relay is measured
// against.
//
// The default reader, a writer got and released for every message, no limit on anything. It takes the relay's
// variables.

import { connect } from "cloudflare:sockets";

export default {
  async fetch(request, env, context) {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    const socket = connect(env.UPSTREAM_CHAT.split(" ")[0]);

    let written = Promise.resolve();
    server.addEventListener("message", (event) => {
      written = written.then(async () => {
        const writer = socket.writable.getWriter();
        await writer.write(new Uint8Array(event.data));
        writer.releaseLock();
      });
      written.catch(() => {});
    });
    server.addEventListener("close", () => {
      written.then(() => socket.close()).catch(() => {});
    });

    context.waitUntil(download(socket, server));
    return new Response(null, { status: 101, webSocket: client });
  },
};

async function download(socket, server) {
  try {
    for await (const chunk of socket.readable) server.send(chunk);
    server.close(1000);
  } catch {
    // Whatever it was, the other side will notice.
  }
}
