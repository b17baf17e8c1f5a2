// What a prober is to take the relay for: Cloudflare's own server of static files, where there is no such file.
//
// Miniflare's assets.worker.js has it as NoIntentResponse.

export default {
  fetch() {
    return new Response(undefined, { status: 404, statusText: 'Not Found' })
  },
}
