// A stream through workerd that no code of a Worker touches: the floor of what messages and connections cost. For bulk it is
// none: the runtime reads little at once.
//
// The request's body is piped to the socket and the socket's bytes are the response's body, both by the runtime, in C++.
// It shows what the runtime's sockets, HTTP and event loop cost by themselves. It does not show what a relay could reach:
// the platform couples a WebSocket with nothing but another WebSocket, so each message is an event in the Worker; there is
// no framing, no policy and no end of a stream here, and Cloudflare's network may hold a request's body back. It takes the
// relay's variables.

import { connect } from "cloudflare:sockets";

export default {
  fetch(request, env, context) {
    const socket = connect(env.UPSTREAM_CHAT.split(" ")[0]);
    socket.closed.catch(() => {});
    context.waitUntil(request.body.pipeTo(socket.writable).catch(() => {}));
    return new Response(socket.readable);
  },
};
