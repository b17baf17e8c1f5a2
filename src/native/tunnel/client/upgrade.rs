//! The upgrade of a carrier: whether what accepts it is a relay, and what a refusal means for the tunnel.
//!
//! The request and its answer are `request`'s.

use std::time::Duration;

use pasarela_core::tunnel::upgrade::PROTOCOL;

use super::{
    super::{
        carrier::{self, MESSAGE_MAX, Socket},
        head::Head,
        request::{Refused, Upgrade, Upgraded},
    },
    error::Error,
};
use crate::{net::BoxedStream, trouble::Trouble};

/// Why there is no WebSocket.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) trouble: Trouble,
    /// No attempt will succeed. Otherwise the way broke, or the relay has no time now.
    pub(super) last: Option<Error>,
    /// The head may have been too long for what is in front of the relay.
    pub(super) too_long: bool,
}

/// The shortest offer of subprotocols that is taken for too long, in bytes. Without a stream's bytes it is a few hundred.
const LONG: usize = 512;

/// Asks for the tunnel.
pub(super) async fn upgrade(stream: BoxedStream, upgrade: Upgrade<'_>, limit: Duration) -> Result<Socket, Failure> {
    let upgraded = upgrade.ask(stream, limit).await.map_err(|refused| judge(&refused, upgrade.protocols))?;
    if is_relay(&upgraded) {
        Ok(carrier::client(upgraded.into_prefixed(), MESSAGE_MAX))
    } else {
        Err(Failure { trouble: Trouble::NoRelay, last: Some(Error::NoRelay), too_long: false })
    }
}

fn is_relay(upgraded: &Upgraded) -> bool {
    upgraded.head.header("sec-websocket-protocol") == Some(PROTOCOL)
}

fn judge(refused: &Refused, protocols: &str) -> Failure {
    let last = match refused.head.as_ref().map(|Head { status, .. }| *status) {
        // No HTTP, or nothing: somebody on the way spoke, not the relay.
        None => None,
        Some(101) => Some(Error::NoRelay),
        // Overload here or on the way; others are answers to the question.
        Some(408 | 429 | 500..) => None,
        Some(status) => Some(Error::Status(status)),
    };
    // What servers say of a head that is too long for them: RFC 9110 and 6585, and 494, nginx's own.
    let may_mean_it = matches!(last, Some(Error::Status(400 | 413 | 414 | 431 | 494)));
    Failure { trouble: refused.trouble, last, too_long: may_mean_it && protocols.len() >= LONG }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    async fn failure(answer: &str) -> Failure {
        let (near, mut far) = duplex(1 << 16);
        far.write_all(answer.as_bytes()).await.expect("room");
        let asked = Upgrade { host: "relay.example", path: "/", protocols: PROTOCOL };
        let limit = Duration::from_secs(10);
        let result = upgrade(Box::new(near), asked, limit).await;
        result.map(drop).expect_err("nobody can guess the key")
    }

    #[tokio::test(start_paused = true)]
    async fn only_passing_trouble_is_tried_again() {
        for (answer, trouble, status) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", Trouble::Key, 404),
            ("HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n", Trouble::Status(403), 403),
            ("HTTP/1.1 403 Forbidden\r\n\r\nerror code: 1010\r\n", Trouble::ErrorPage(1010), 403),
            ("HTTP/1.1 200 OK\r\n\r\n", Trouble::Status(200), 200),
        ] {
            match failure(answer).await {
                Failure { trouble: told, last: Some(Error::Status(found)), .. } => {
                    assert_eq!((told, found), (trouble, status));
                }
                other => unreachable!("{answer}: {other:?}"),
            }
        }
        let wrong = "HTTP/1.1 101 Sw\r\nSec-WebSocket-Accept: wrong\r\nSec-WebSocket-Protocol: pasarela.v1\r\n\r\n";
        let told = failure(wrong).await;
        assert!(matches!(told, Failure { trouble: Trouble::NoRelay, last: Some(Error::NoRelay), .. }), "{told:?}");
        for (answer, trouble) in [
            ("HTTP/1.1 503 Busy\r\n\r\n", Trouble::Status(503)),
            ("HTTP/1.1 500 x\r\n\r\nerror code: 1101\r\n", Trouble::ErrorPage(1101)),
            ("garbage\r\n\r\n", Trouble::NoRelay),
            ("HTTP/1.1 101 Sw", Trouble::UpgradeTimeout),
        ] {
            let told = failure(answer).await;
            assert!(told.last.is_none() && told.trouble == trouble, "{answer}: {told:?}");
        }
    }
}
