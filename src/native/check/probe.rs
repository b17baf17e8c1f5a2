//! Asks a relay for an upgrade and looks at the answer: whether there is a relay, whether it knows the key, what time it has.
//!
//! It asks for no stream, so the relay keeps nothing. The request is `tunnel`'s, and so are the tunnels behind it.

use std::time::{Duration, UNIX_EPOCH};

use pasarela_core::tunnel::upgrade::PROTOCOL;

use crate::{
    link::Link,
    net::BoxedStream,
    trouble::Trouble,
    tunnel::{Dialled, Head, Refused, Upgrade},
};

/// What was answered.
pub(super) struct Answer {
    /// What it means; the WebSocket, if there is one.
    pub(super) meaning: Result<BoxedStream, Trouble>,
    /// When, by the answer's own clock (Unix seconds).
    pub(super) date: Option<u64>,
    /// The host that it sends to.
    pub(super) elsewhere: Option<String>,
}

/// Asks for the relay's tunnel, for none in particular.
pub(super) async fn probe(Dialled { stream, host }: Dialled, link: &Link, limit: Duration) -> Answer {
    let upgrade =
        Upgrade { host: &host.unwrap_or_else(|| link.authority()), path: &link.path("/tunnel"), protocols: PROTOCOL };
    match upgrade.ask(stream, limit).await {
        Ok(upgraded) => {
            let is_relay = upgraded.head.header("sec-websocket-protocol") == Some(PROTOCOL);
            let date = date(&upgraded.head);
            Answer {
                meaning: if is_relay { Ok(upgraded.into_stream()) } else { Err(Trouble::NoRelay) },
                date,
                elsewhere: None,
            }
        }
        Err(Refused { trouble, head }) => {
            let elsewhere = head.as_ref().and_then(Head::elsewhere);
            Answer { meaning: Err(trouble), date: head.as_ref().and_then(date), elsewhere }
        }
    }
}

fn date(head: &Head) -> Option<u64> {
    let date = httpdate::parse_http_date(head.header("date")?).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn the_answers_clock_is_read_whatever_it_says() {
        let link: Link = "http://relay.example/#a-key-of-the-tests".parse().expect("a link");
        for (date, expected) in
            [("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", Some(784_111_777)), ("Date: yesterday\r\n", None), ("", None)]
        {
            let (near, mut far) = duplex(1 << 16);
            let answer = format!("HTTP/1.1 404 Not Found\r\n{date}Content-Length: 0\r\n\r\n");
            far.write_all(answer.as_bytes()).await.expect("room");
            let answer = probe((Box::new(near) as BoxedStream).into(), &link, Duration::from_secs(10)).await;
            assert_eq!((answer.meaning.err(), answer.date), (Some(Trouble::Key), expected), "{date}");
        }
    }
}
