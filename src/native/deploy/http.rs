//! One HTTP request to one host, by the way that relays are reached: the same names, proxies and certificates.
//!
//! Each has a connection of its own: there are few, and people think in between. What is asked is `api`'s and the command line's.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    client::conn::http1,
    header::{HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::{
    connect::{Connector, Setup, Unusable},
    link::Link,
    trouble::Trouble,
};

/// The longest answer, in bytes. The API's lists of what one account has are far below.
const ANSWER_MAX: usize = 4 << 20;

/// A host that is asked.
pub(crate) struct Http {
    connector: Connector,
    authority: String,
}

/// There was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// The host was not reached.
    Way(Trouble),
    /// The connection ended before the answer, or it was no HTTP.
    Cut,
    /// Nothing came in time.
    Late,
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Way(trouble) => trouble.fmt(f),
            Self::Cut => f.write_str("cut"),
            Self::Late => f.write_str("late"),
        }
    }
}

impl std::error::Error for Unreached {}

impl Http {
    /// Nothing is sent before the first request.
    pub(crate) fn new(link: &Link, setup: &Setup) -> Result<Self, Unusable> {
        Ok(Self { connector: Connector::new(link, setup)?, authority: link.authority() })
    }

    /// Sends a request whose URI is a path, and reads the answer to its end; all of it in this time.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Response<Bytes>, Unreached> {
        let host = HeaderValue::try_from(&self.authority).map_err(|_| Unreached::Cut)?;
        request.headers_mut().insert(HOST, host);
        timeout(limit, self.exchange(request)).await.unwrap_or(Err(Unreached::Late))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Unreached> {
        let dialled = self.connector.dial_observed(&mut |_| {}).await.map_err(Unreached::Way)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(dialled.stream)).await.map_err(|_| Unreached::Cut)?;
        let driven = tokio::spawn(connection);
        let answer = async {
            let (head, body) = sender.send_request(request).await.map_err(|_| Unreached::Cut)?.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|_| Unreached::Cut)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let answer = answer.await;
        driven.abort();
        answer
    }
}
