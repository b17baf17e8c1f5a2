//! The client's side of the upgrade: one request, one answer, and nothing of the bytes behind it lost.
//!
//! It follows no redirect and answers no challenge: a relay sends neither.

use std::io;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use pasarela_core::tunnel::upgrade::PROTOCOL;
use tokio::io::AsyncWriteExt;

use super::super::carrier::{self, MESSAGE_MAX, Web};
use super::super::stream::{BoxedStream, Prefixed};
use super::error::Error;
use crate::upgrade::{self, accept_key};

/// Why there is no WebSocket.
#[derive(Debug)]
pub(super) enum Failure {
    /// The way broke, or the relay has no time now: another attempt may succeed.
    Passing,
    /// No attempt will succeed.
    Final(Error),
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Passing
    }
}

/// Asks `path` of `host` for the tunnel. `protocols` is the value of `Sec-WebSocket-Protocol`.
pub(super) async fn upgrade(mut stream: BoxedStream, host: &str, path: &str, protocols: &str) -> Result<Web, Failure> {
    let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let rest = answer(&mut stream, &accept_key(key.as_bytes())).await?;
    Ok(carrier::client(Prefixed::new(rest, stream), MESSAGE_MAX))
}

/// Reads the answer; gives what came behind it.
async fn answer(stream: &mut BoxedStream, accept: &str) -> Result<Bytes, Failure> {
    upgrade::answer(stream, |response| judge(response, accept)).await
}

/// Whether this is the relay's yes.
fn judge(response: &httparse::Response<'_, '_>, accept: &str) -> Result<(), Failure> {
    match response.code.unwrap_or(0) {
        101 => {}
        // Overload here or on the way; others are answers to the question.
        status @ (408 | 429 | 500..) => {
            tracing::debug!(status, "the relay is not to be had now");
            return Err(Failure::Passing);
        }
        status => return Err(Failure::Final(Error::Status(status))),
    }
    let is = |name, value| upgrade::single(response, name) == Some(value);
    if is("sec-websocket-accept", accept) && is("sec-websocket-protocol", PROTOCOL) {
        Ok(())
    } else {
        Err(Failure::Final(Error::NoRelay))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What becomes of this answer, in which `ACCEPT` stands for the right one.
    async fn answered(text: &str) -> Result<Bytes, Failure> {
        let (near, mut far) = duplex(1 << 16);
        far.write_all(text.replace("ACCEPT", "right").as_bytes()).await.expect("room");
        drop(far);
        answer(&mut (Box::new(near) as BoxedStream), "right").await
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
    async fn only_the_right_answer_is_a_relay_and_only_passing_trouble_is_tried_again() {
        for (answer, status) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", Some(404)),
            ("HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n", Some(403)),
            ("HTTP/1.1 200 OK\r\n\r\n", Some(200)),
            (GOOD.replace("ACCEPT", "wrong").as_str(), None),
            (GOOD.replace("pasarela.v1", "pasarela.v1, m.x").as_str(), None),
            (GOOD.replace("Sec-WebSocket-Protocol: pasarela.v1\r\n", "").as_str(), None),
        ] {
            match (answered(answer).await, status) {
                (Err(Failure::Final(Error::Status(found))), Some(expected)) => assert_eq!(found, expected),
                (Err(Failure::Final(Error::NoRelay)), None) => {}
                (other, _) => unreachable!("{answer}: {other:?}"),
            }
        }
        for answer in ["", "HTTP/1.1 503 Busy\r\n\r\n", "garbage\r\n\r\n", "HTTP/1.1 101 Sw", &"H".repeat(20_000)] {
            assert!(matches!(answered(answer).await, Err(Failure::Passing)), "{answer}");
        }
    }
}
