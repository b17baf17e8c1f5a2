// An echo over WebSocket that keeps a function of each connection for good: what a test of leaks must see.

const kept = [];

export default {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    server.binaryType = "arraybuffer";
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(data));
    server.addEventListener("close", () => server.close(1000));
    kept.push(() => kept.length);
    return new Response(null, { status: 101, webSocket: client });
  },
};
