// The `/pipe/chat` route as an expert would write it in JavaScript: what Pasarela's relay is measured against.
//
// One persistent reader that fills 64 KiB buffers and uses them again, one persistent writer whose writes are awaited
// in order, no timers. It checks nothing and limits nothing; it takes the relay's variables.

import { connect } from "cloudflare:sockets";

const READ = 64 * 1024;

export default {
  fetch(request, env, context) {
    const { 0: client, 1: server } = new WebSocketPair();
    server.binaryType = "arraybuffer";
    server.accept();
    const socket = connect(env.UPSTREAM_CHAT.split(" ")[0]);
    socket.closed.catch(() => {});
    upload(server, socket.writable.getWriter());
    context.waitUntil(download(socket, server));
    return new Response(null, { status: 101, webSocket: client });
  },
};

function upload(server, writer) {
  const queue = [];
  let writing = false;
  const pump = async () => {
    writing = true;
    try {
      while (queue.length > 0) await writer.write(queue.shift());
    } catch {
      close(server, 1011);
    }
    writing = false;
  };
  server.addEventListener("message", ({ data }) => {
    queue.push(data);
    if (!writing) pump();
  });
  server.addEventListener("close", () => writer.close().catch(() => {}));
}

async function download(socket, server) {
  const reader = socket.readable.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(READ);
  try {
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) break;
      // This runtime copies what it is given to send, so the buffer may be filled again at once.
      server.send(value);
      buffer = value.buffer;
    }
    close(server, 1000);
  } catch {
    close(server, 1011);
  }
  await socket.close().catch(() => {});
}

function close(server, code) {
  try {
    server.close(code);
  } catch {
    // The client has closed already.
  }
}
