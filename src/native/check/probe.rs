//! Asks a relay for an upgrade and looks at the answer: whether there is a relay, whether it knows the key, what time it has.
//!
//! It asks for no stream, so the relay keeps nothing. The tunnels behind it are `tunnel`'s.

use std::time::{Duration, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, Engine};
use pasarela_core::tunnel::upgrade::PROTOCOL;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::link::Link;
use crate::trouble::Trouble;
use crate::upgrade::accept_key;

/// The longest head of an answer, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// More headers than a CDN adds.
const HEADERS_MAX: usize = 64;

/// A CDN's error page says its number at its beginning.
const PAGE_MAX: usize = 16 * 1024;

/// What was answered, and when by the answer's own clock (Unix seconds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// What it means; a relay that does not know the key answers well, but not this.
    pub(super) meaning: Result<(), Trouble>,
    pub(super) date: Option<u64>,
}

/// Asks for the relay's tunnel, for none in particular.
///
/// It waits for as long as the stream does, but for the rest of a page that it does not need no longer than `patience`.
pub(super) async fn probe<S>(stream: &mut S, link: &Link, patience: Duration) -> Result<Answer, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n",
        link.path("/tunnel"),
        link.authority()
    );
    let asked = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await
    };
    asked.await.map_err(|_| Trouble::UpgradeReset)?;
    read(stream, &accept_key(key.as_bytes()), patience).await
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S, accept: &str, patience: Duration) -> Result<Answer, Trouble> {
    let mut received = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&received) {
            Ok(httparse::Status::Partial) => {}
            // The answer is still to come.
            Ok(httparse::Status::Complete(len)) if matches!(response.code, Some(100 | 102..=199)) => {
                received.drain(..len);
                continue;
            }
            Ok(httparse::Status::Complete(len)) => {
                let mut answer = judge(&response, accept);
                if matches!(answer.meaning, Err(Trouble::Status(_))) {
                    let length = header(&response, "content-length").and_then(|length| length.parse().ok());
                    let mut page = received.split_off(len);
                    // What has come by then is looked at.
                    let _ = tokio::time::timeout(patience, read_page(stream, &mut page, length)).await;
                    answer.meaning =
                        page_number(&page).map_or(answer.meaning, |number| Err(Trouble::ErrorPage(number)));
                }
                return Ok(answer);
            }
            Err(_) => return Err(Trouble::NoRelay),
        }
        if received.len() >= HEAD_MAX {
            return Err(Trouble::NoRelay);
        }
        if !matches!(stream.read_buf(&mut received).await, Ok(1..)) {
            return Err(Trouble::UpgradeReset);
        }
    }
}

fn header<'a>(response: &httparse::Response<'_, 'a>, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    str::from_utf8(found.value).ok()
}

fn judge(response: &httparse::Response<'_, '_>, accept: &str) -> Answer {
    let header = |name: &str| header(response, name);
    let meaning = match response.code.unwrap_or(0) {
        101 if header("sec-websocket-accept") == Some(accept) && header("sec-websocket-protocol") == Some(PROTOCOL) => {
            Ok(())
        }
        101 => Err(Trouble::NoRelay),
        404 => Err(Trouble::Key),
        status => Err(Trouble::Status(status)),
    };
    let date = header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    let date = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    Answer { meaning, date: date.map(|since| since.as_secs()) }
}

/// What there is of a page; that it breaks off changes nothing.
async fn read_page<S: AsyncRead + Unpin>(stream: &mut S, page: &mut Vec<u8>, length: Option<usize>) {
    let enough = length.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    while page.len() < enough && page_number(page).is_none() {
        if !matches!(stream.read_buf(page).await, Ok(1..)) {
            return;
        }
    }
}

/// The number on an error page of Cloudflare: `error code: 1101` as text, `Error 1101` in its titles.
fn page_number(page: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(page).to_ascii_lowercase();
    ["error code: ", "error code:</span> ", "error "].iter().find_map(|mark| {
        text.match_indices(mark).find_map(|(at, _)| {
            let digits = text.get(at + mark.len()..at + mark.len() + 4)?;
            digits.parse().ok().filter(|number| (1000..2000).contains(number))
        })
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn answered(text: &str) -> Result<Answer, Trouble> {
        let (mut near, mut far) = duplex(1 << 16);
        far.write_all(text.as_bytes()).await.expect("room");
        drop(far);
        read(&mut near, "right", Duration::from_secs(1)).await
    }

    async fn meaning(text: &str) -> Result<(), Trouble> {
        answered(text).await.and_then(|answer| answer.meaning)
    }

    const RIGHT: &str = "HTTP/1.1 101 Switching\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                         Sec-WebSocket-Accept: right\r\nSec-WebSocket-Protocol: pasarela.v1\r\n\r\n";

    #[tokio::test]
    async fn a_relay_is_told_from_everything_else() {
        assert_eq!(answered(RIGHT).await, Ok(Answer { meaning: Ok(()), date: Some(784_111_777) }));
        assert_eq!(meaning(&format!("HTTP/1.1 103 Hints\r\n\r\n{RIGHT}")).await, Ok(()));
        for (text, trouble) in [
            (RIGHT.replace(": right", ": wrong").as_str(), Trouble::NoRelay),
            (RIGHT.replace("pasarela.v1", "other").as_str(), Trouble::NoRelay),
            ("HTTP/1.1 404 Not Found\r\n\r\n", Trouble::Key),
            ("HTTP/1.1 403 Forbidden\r\n\r\nno", Trouble::Status(403)),
            ("HTTP/1.1 500 X\r\n\r\n<title>Worker threw exception</title> error code: 1101", Trouble::ErrorPage(1101)),
            ("HTTP/1.1 429 X\r\n\r\n<title>Error 1027 | Please check back later</title>", Trouble::ErrorPage(1027)),
            ("SSH-2.0-x\r\n\r\n", Trouble::NoRelay),
            ("HTTP/1.1 101 Sw", Trouble::UpgradeReset),
            ("", Trouble::UpgradeReset),
        ] {
            assert_eq!(meaning(text).await, Err(trouble), "{text}");
        }
    }
}
