//! The client's side of an upgrade: one request, one answer, and nothing of the bytes behind it lost.
//!
//! It follows no redirect and answers no challenge: a relay sends neither. What is spoken behind the upgrade is the caller's.

use std::{fmt, io, time::Duration};

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{error_page, head::Head};
use crate::{
    net::{BoxedStream, Prefixed, upgrade::accept_key},
    trouble::Trouble,
};

/// The longest head of an answer, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// More headers than a CDN adds.
const HEADERS_MAX: usize = 64;

/// An upgrade to a WebSocket.
#[derive(Clone, Copy)]
pub struct Upgrade<'a> {
    /// The `Host` header.
    pub host: &'a str,
    /// Query included.
    pub path: &'a str,
    /// The value of `Sec-WebSocket-Protocol`; empty for none.
    pub protocols: &'a str,
}

// The path holds a key, the protocols payload.
impl fmt::Debug for Upgrade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}

/// There is a WebSocket.
pub struct Upgraded {
    /// The answer.
    pub head: Head,
    stream: Prefixed,
}

impl Upgraded {
    /// On which the WebSocket is spoken.
    #[must_use]
    pub fn into_stream(self) -> BoxedStream {
        Box::new(self.stream)
    }

    pub(super) fn into_prefixed(self) -> Prefixed {
        self.stream
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("head", &self.head).finish_non_exhaustive()
    }
}

/// There is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub trouble: Trouble,
    /// The answer, if one came.
    pub head: Option<Head>,
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, head: None }
    }
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Trouble::UpgradeReset.into()
    }
}

impl Upgrade<'_> {
    /// Asks for it, and waits so long for the answer. Which subprotocol was chosen the caller must look at.
    ///
    /// # Errors
    ///
    /// There is no WebSocket.
    pub async fn ask(&self, mut stream: BoxedStream, limit: Duration) -> Result<Upgraded, Refused> {
        let asking = async {
            let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
            stream.write_all(self.request(&key).as_bytes()).await?;
            stream.flush().await?;
            let (head, rest) = answer(&mut stream, (self.host, &accept_key(key.as_bytes()))).await?;
            Ok(Upgraded { head, stream: Prefixed::new(rest, stream) })
        };
        timeout(limit, asking).await.unwrap_or_else(|_| Err(Trouble::UpgradeTimeout.into()))
    }

    /// Chromium's headers in its order and case, but without compression, which gains nothing on what is encrypted already.
    ///
    /// Who reads this is the CDN, or whoever breaks TLS on the way. CDNs turn away requests that name no browser, and a part
    /// of a browser's headers would be a mark that nobody else has. The language is the most common one, not the user's.
    fn request(&self, key: &str) -> String {
        let Upgrade { host, path, protocols } = self;
        let offer = if protocols.is_empty() { "" } else { "\r\nSec-WebSocket-Protocol: " };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
             Cache-Control: no-cache\r\nUser-Agent: {USER_AGENT}\r\nUpgrade: websocket\r\nOrigin: https://{host}\r\n\
             Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
             Accept-Language: en-US,en;q=0.9\r\nSec-WebSocket-Key: {key}{offer}{protocols}\r\n\r\n"
        )
    }
}

/// Chromium gives its major version only, and says Windows 10 on any.
const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/156.0.0.0 Safari/537.36";

/// Reads the answer of this host, which is to give this proof; gives what came behind it.
pub(crate) async fn answer(stream: &mut BoxedStream, asked: (&str, &str)) -> Result<(Head, Bytes), Refused> {
    let mut buffer = BytesMut::with_capacity(4096);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&buffer) {
            Ok(httparse::Status::Partial) => {}
            // The answer is still to come, and may be here already.
            Ok(httparse::Status::Complete(len)) if matches!(response.code, Some(100 | 102..=199)) => {
                buffer.advance(len);
                continue;
            }
            Ok(httparse::Status::Complete(len)) => {
                let head = Head::of(&response);
                let rest = buffer.split_off(len);
                return match judge(&head, asked, stream, rest).await {
                    Ok(rest) => Ok((head, rest)),
                    Err(trouble) => Err(Refused { trouble, head: Some(head) }),
                };
            }
            Err(_) => return Err(Trouble::NoRelay.into()),
        }
        if buffer.len() >= HEAD_MAX {
            return Err(Trouble::NoRelay.into());
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(Trouble::UpgradeReset.into());
        }
    }
}

/// Whether this is a yes; gives what came behind it.
async fn judge(
    head: &Head,
    (host, accept): (&str, &str),
    stream: &mut BoxedStream,
    rest: BytesMut,
) -> Result<Bytes, Trouble> {
    match head.status {
        101 if is_switched(head) && head.header("sec-websocket-accept") == Some(accept) => Ok(rest.freeze()),
        101 => Err(Trouble::NoRelay),
        status => match error_page::number(head, stream, rest).await {
            Some(number) => Err(Trouble::ErrorPage(number)),
            None if status == 404 => Err(Trouble::Key),
            // A relay says so under its right key alone, and only when what came to it was no upgrade.
            None if status == 426 => Err(Trouble::NoWebSockets),
            None if matches!(status, 300..400) && !head.leads_to(host) => Err(Trouble::Elsewhere),
            None => Err(Trouble::Status(status)),
        },
    }
}

/// Whether it says that the protocol is a WebSocket's now, without an extension, since none was offered (RFC 6455, section 4.1).
/// What it says of the connection is left to web servers in between, which write their own.
fn is_switched(head: &Head) -> bool {
    let protocol = head.header("upgrade").is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"));
    protocol && head.header("sec-websocket-extensions").is_none()
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What becomes of this answer, in which `ACCEPT` stands for the right one.
    async fn answered(text: &str) -> Result<Bytes, Refused> {
        let (near, mut far) = duplex(1 << 16);
        far.write_all(text.replace("ACCEPT", "right").as_bytes()).await.expect("room");
        drop(far);
        answer(&mut (Box::new(near) as BoxedStream), ("relay.example:443", "right")).await.map(|(_, rest)| rest)
    }

    const GOOD: &str = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nSEC-WebSocket-Accept: ACCEPT\r\n\
                        Sec-WebSocket-Protocol: pasarela.v1\r\n\r\n";

    #[tokio::test]
    async fn what_follows_the_head_is_kept() {
        assert_eq!(answered(GOOD).await.expect("right"), "");
        assert_eq!(answered(&format!("{GOOD}more")).await.expect("right"), "more");
        let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        assert_eq!(answered(&format!("{hints}{GOOD}more")).await.expect("right"), "more");
    }

    #[tokio::test]
    async fn each_refusal_has_its_trouble() {
        let page = "HTTP/1.1 500 x\r\nServer: cloudflare\r\n\r\n<title>Worker threw exception</title>\
                    <h1><span class=\"x\">Error</span>\n <span>1101</span> <span>Ray ID: 1</span></h1>";
        let chunked = "HTTP/1.1 429 x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nerror code: 1027\r\n0\r\n\r\n";
        for (answer, trouble) in [
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nnot", Trouble::Key),
            ("HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n", Trouble::Status(403)),
            ("HTTP/1.1 403 Forbidden\r\n\r\nerror code: 1010", Trouble::ErrorPage(1010)),
            ("HTTP/1.1 404 Not Found\r\n\r\nerror code: 1042", Trouble::ErrorPage(1042)),
            ("HTTP/1.1 200 OK\r\n\r\nan error in 1984, error 99999", Trouble::Status(200)),
            (page, Trouble::ErrorPage(1101)),
            (chunked, Trouble::ErrorPage(1027)),
            (GOOD.replace("ACCEPT", "wrong").as_str(), Trouble::NoRelay),
            (GOOD.replace("Upgrade: websocket", "Upgrade: h2c").as_str(), Trouble::NoRelay),
            (GOOD.replace("Protocol: pasarela.v1", "Extensions: permessage-deflate").as_str(), Trouble::NoRelay),
            ("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n", Trouble::NoWebSockets),
            ("HTTP/1.1 302 x\r\nLocation: http://portal.example/login\r\n\r\n", Trouble::Elsewhere),
            ("HTTP/1.1 301 x\r\nLocation: https://relay.example/x\r\n\r\n", Trouble::Status(301)),
            ("HTTP/1.1 301 x\r\nLocation: /x\r\n\r\n", Trouble::Status(301)),
            ("", Trouble::UpgradeReset),
            ("HTTP/1.1 101 Sw", Trouble::UpgradeReset),
            ("garbage\r\n\r\n", Trouble::NoRelay),
            (&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000)), Trouble::NoRelay),
        ] {
            assert_eq!(answered(answer).await.map_err(|refused| refused.trouble), Err(trouble), "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_longer_than_told() {
        let (near, _far) = duplex(1 << 16);
        let upgrade = Upgrade { host: "relay.example", path: "/", protocols: "" };
        let limit = Duration::from_secs(10);
        let begun = tokio::time::Instant::now();
        let refused = upgrade.ask(Box::new(near), limit).await.expect_err("no answer");
        assert_eq!((refused.trouble, begun.elapsed()), (Trouble::UpgradeTimeout, limit));
        // A page without an end is not waited for either, and its head is known.
        let (near, mut far) = duplex(1 << 16);
        let head = "HTTP/1.1 503 x\r\nDate: Sun, 22 Nov 2026 05:00:00 GMT\r\nContent-Length: 99\r\n\r\n";
        far.write_all(head.as_bytes()).await.expect("room");
        let refused = upgrade.ask(Box::new(near), limit).await.expect_err("no WebSocket");
        assert_eq!(refused.trouble, Trouble::Status(503));
        assert_eq!(refused.head.as_ref().and_then(|head| head.header("date")), Some("Sun, 22 Nov 2026 05:00:00 GMT"));
    }

    #[test]
    fn the_request_is_a_browsers_without_compression() {
        let upgrade = Upgrade { host: "relay.example", path: "/KEY/tunnel", protocols: "pasarela.v1, m.x" };
        let request = upgrade.request("key==");
        let names: Vec<_> = request.lines().skip(1).filter_map(|line| line.split(": ").next()).collect();
        let expected = [
            "Host",
            "Connection",
            "Pragma",
            "Cache-Control",
            "User-Agent",
            "Upgrade",
            "Origin",
            "Sec-WebSocket-Version",
            "Accept-Encoding",
            "Accept-Language",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Protocol",
            "",
        ];
        assert_eq!(names, expected);
        assert!(request.starts_with("GET /KEY/tunnel HTTP/1.1\r\n") && request.ends_with(": pasarela.v1, m.x\r\n\r\n"));
        let bare = Upgrade { protocols: "", ..upgrade }.request("key==");
        assert!(bare.ends_with("\r\nSec-WebSocket-Key: key==\r\n\r\n"));
    }
}
