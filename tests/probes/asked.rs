//! What probers ask, as the bytes of whole requests.

/// Headers of a WebSocket upgrade.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Requests that a relay with this key answers as anything else does.
pub(crate) fn all(key: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<String> = Vec::new();
    let targets = targets(key);
    for target in &targets {
        all.push(request("GET", target, ""));
        all.push(request("GET", target, UPGRADE));
    }
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "get", "BREW"] {
        for target in ["/", "/nothing", "/check.js", &format!("/{key}/tunnel/")] {
            all.push(request(method, target, ""));
        }
    }
    // The right key, and yet not what a route takes.
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        for route in ["/", "/tunnel", "/pipe/chat", "/status.json"] {
            all.push(request(method, &format!("/{key}{route}"), ""));
        }
    }
    all.push(request("GET", &format!("/{key}/"), "User-Agent: TelegramBot (like TwitterBot)\r\n"));
    all.push(request("HEAD", &format!("/{key}/"), "User-Agent: WhatsApp/2.24.1 A\r\n"));
    for headers in headers() {
        all.push(request("GET", "/", &headers));
        all.push(request("GET", "/nothing", &headers));
    }
    all.extend(framings().map(str::to_owned));
    all.into_iter().map(String::into_bytes).chain(not_http()).collect()
}

fn request(method: &str, target: &str, headers: &str) -> String {
    let close = if headers.contains("Connection:") { "" } else { "Connection: close\r\n" };
    format!("{method} {target} HTTP/1.1\r\nHost: relay.example\r\n{headers}{close}\r\n")
}

/// Paths that are no route, or not under the right key.
#[expect(clippy::too_many_lines, reason = "it is a list")]
fn targets(key: &str) -> Vec<String> {
    let (wrong, upper) = (format!("{}X", &key[..key.len() - 1]), key.to_uppercase());
    let mut targets: Vec<String> = [
        "/",
        "//",
        "/?",
        "/?lang=fa",
        "/..",
        "/../",
        "/.",
        "/%2e%2e/",
        "/%2f",
        "/%00",
        "/%ff",
        "/%zz",
        "/index.html",
        "/favicon.ico",
        "/robots.txt",
        "/.well-known/",
        "/.git/config",
        "/.env",
        "/check.js",
        "/check.wasm",
        "/CHECK.JS",
        "/page.js",
        "/status.json",
        "/status.json?probe=1",
        "/metrics",
        "/ws",
        "/ws/chat",
        "/pipe/chat",
        "/pipe/tls",
        "/tunnel",
        "/0/tunnel",
        "//tunnel",
        "/session/0",
        "/KEY/",
        "http://relay.example/",
        "http://other.example/ws/chat",
        "https://relay.example:443/tunnel",
        "/a\tb",
        "/\u{e9}",
        "*",
        "nothing",
    ]
    .map(str::to_owned)
    .into();
    let near = ["/", "/tunnel", "/ws/chat", "/pipe/chat", "/pipe/tls", "/status.json", "/check.js", ""];
    for key in
        [&wrong, &upper, &format!("{key}%20"), &format!("%{:02x}{}", key.as_bytes()[0], &key[1..]), &format!("{key}0")]
    {
        targets.extend(near.map(|rest| format!("/{key}{rest}")));
    }
    let missed = [
        "",
        "//",
        "/nowhere",
        "/ws/chat/",
        "/pipe",
        "//tunnel",
        "/tunnel/",
        "/TUNNEL",
        "/./tunnel",
        "/%74unnel",
        "/tunnel%2f",
    ];
    targets.extend(missed.map(|rest| format!("/{key}{rest}")));
    targets.push(format!("//{key}/"));
    targets.extend([7_000, 20_000, 70_000, 100_000].map(|len| format!("/{}", "a".repeat(len))));
    targets.push(format!("/{}?{}", "b/".repeat(1_000), "c=d&".repeat(1_000)));
    targets
}

fn headers() -> Vec<String> {
    let mut headers: Vec<String> = [
        "Range: bytes=0-10\r\n",
        "Range: bytes=-1\r\nIf-Range: \"x\"\r\n",
        "If-None-Match: *\r\n",
        "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
        "If-Match: \"x\"\r\n",
        "Accept-Encoding: gzip, br, zstd\r\n",
        "Accept-Encoding: identity;q=0, *;q=0\r\n",
        "Accept: application/json\r\nAccept-Language: fa\r\n",
        "Expect: 100-continue\r\n",
        "Content-Length: 5\r\n",
        "Origin: https://other.example\r\nSec-Fetch-Mode: cors\r\n",
        "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        "Authorization: Basic YTpi\r\nCookie: a=b\r\n",
        "X-Forwarded-For: 203.0.113.7\r\nCF-Connecting-IP: 203.0.113.7\r\n",
        "x-instrument: holdings\r\n",
        "Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n",
        "Connection: keep-alive\r\n",
    ]
    .map(str::to_owned)
    .into();
    headers.push(format!("{UPGRADE}Sec-WebSocket-Protocol: pasarela.v1\r\n"));
    headers.extend([7_000, 20_000, 100_000, 300_000].map(|len| format!("X-Long: {}\r\n", "x".repeat(len))));
    headers.push((0..60).map(|n| format!("X-{n}: y\r\n")).collect());
    headers
}

/// Requests that are laid out in other ways.
fn framings() -> impl Iterator<Item = &'static str> {
    [
        "GET / HTTP/1.0\r\n\r\n",
        "GET /tunnel HTTP/1.0\r\nHost: relay.example\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\nHost: relay.example\nConnection: close\n\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n",
        "GET  /  HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : relay.example\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: relay.example\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: relay.example\r\nX: a\r\n b\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: relay.example\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: relay.example\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: relay.example\r\n\r\nGET /tunnel HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n",
        "POST /tunnel HTTP/1.1\r\nHost: relay.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: relay.example\r\nContent-Length: 3\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: relay.example\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        "CONNECT web.whatsapp.com:443 HTTP/1.1\r\nHost: web.whatsapp.com:443\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: relay.example\r\nConnection: close",
    ]
    .into_iter()
}

/// What is no HTTP: a TLS hello, SOCKS, an SSH banner, a PROXY header, WhatsApp's first bytes, garbage.
fn not_http() -> impl Iterator<Item = Vec<u8>> {
    let hello = [&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3][..], b"\r\n\r\n"].concat();
    let socks = vec![5, 1, 0];
    let texts =
        ["SSH-2.0-x\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "WA\x06\x03\0\0\x01a", "\0\0\0\0\r\n\r\n", "quit\n"];
    [hello, socks].into_iter().chain(texts.map(|text| text.as_bytes().to_vec()))
}

/// What is said to a port that expects TLS.
pub(crate) fn without_tls() -> Vec<Vec<u8>> {
    framings().take(3).map(|text| text.as_bytes().to_vec()).chain(not_http()).collect()
}
