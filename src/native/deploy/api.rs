//! Cloudflare's API: requests with the token, answers out of their envelope, refusals with what they mean.
//!
//! Which requests there are is `place`'s. One that changes what is there is sent by `journal` alone, and only written down where nothing
//! may change.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use serde_json::Value;

use super::{
    http::{Http, Unreached},
    token::Token,
};
use crate::{
    connect::{Setup, Unusable, is_here},
    link::{Allowed, Link},
};

/// Where the API is.
const BASE: &str = "https://api.cloudflare.com/client/v4";

/// An answer may take so long, and what is sent a second more for each of so many bytes.
const LIMIT: Duration = Duration::from_secs(90);
const PER_SECOND: u64 = 32 << 10;

/// How often a request is sent that the API fails at by its own fault, and the pause before the second.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Where the API is.
pub(crate) struct Base {
    pub(crate) link: Link,
    path: String,
}

/// Another base than Cloudflare's is no URL, or would show the token to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnusableBase;

impl fmt::Display for UnusableBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it must begin with https://, or with http:// and name this machine")
    }
}

impl std::error::Error for UnusableBase {}

impl Base {
    /// Cloudflare's, or the one that replaces it.
    pub(crate) fn new(other: Option<&str>) -> Result<Self, UnusableBase> {
        let text = other.unwrap_or(BASE);
        let (scheme, rest) = text.split_once("://").ok_or(UnusableBase)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut link: Link = format!("{scheme}://{authority}/").parse().map_err(|_| UnusableBase)?;
        if !link.secure && !is_here(&link.host) {
            return Err(UnusableBase);
        }
        // Only a relay may be reached by other ways than its name's.
        link.allowed = Allowed::NONE;
        let path = path.trim_end_matches('/');
        Ok(Self { link, path: if path.is_empty() { String::new() } else { format!("/{path}") } })
    }
}

/// What a request says.
pub(super) enum Body {
    Nothing,
    Json(Value),
    /// Of this type, and what of it may be shown.
    Other {
        kind: String,
        bytes: Bytes,
        shown: Value,
    },
}

/// A request that was not sent.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A request that changes something. It goes out through a [`Journal`](super::Journal), so that whoever is stopped can be told of it; but
/// for one that changes nothing before another is sent.
#[must_use = "nothing is sent yet"]
pub(crate) struct Change<'a> {
    api: &'a Api,
    method: Method,
    path: String,
    body: Body,
    /// In place of the API's own.
    token: Option<&'a Token>,
}

impl<'a> Change<'a> {
    /// Shows a token that the API has made for this alone.
    pub(super) fn by(self, token: &'a Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Writes it down where nothing may change. `true`: it is not to be sent.
    pub(super) fn plan(&self) -> bool {
        let Some(planned) = &self.api.planned else { return false };
        let body = match &self.body {
            Body::Nothing => Value::Null,
            Body::Json(value) | Body::Other { shown: value, .. } => value.clone(),
        };
        let plan = Planned { method: self.method.clone(), path: self.path.clone(), body };
        planned.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
        true
    }

    /// Sends it. What is gone already need not be taken away.
    pub(super) async fn send(self) -> Result<Value, Failed> {
        let deletes = self.method == Method::DELETE;
        let token = self.token.unwrap_or(&self.api.token);
        match self.api.send((self.method, &self.path), &self.body, token).await {
            Err(failed) if deletes && failed.error.meaning() == Meaning::Missing => Ok(Value::Null),
            answer => answer,
        }
    }
}

/// The API with somebody's token.
pub(crate) struct Api {
    http: Http,
    path: String,
    token: Token,
    /// What would be sent, where nothing may change.
    planned: Option<Mutex<Vec<Planned>>>,
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// There was no answer.
    Unreached(Unreached),
    /// The token's time is over, or somebody has switched it off.
    Over,
    /// The answer is not the API's.
    NotApi(StatusCode),
    /// The API refuses, with its number and its words.
    Refused { status: StatusCode, code: u64, message: String },
}

/// A request that came to nothing, however often it was sent.
pub(super) struct Failed {
    /// The last time's.
    pub(super) error: ApiError,
    /// Whether nothing was changed for certain, by any of the times.
    pub(super) is_certain: bool,
}

/// What an error means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The network, or what answers in the API's place.
    Network,
    /// The token is none, or no longer.
    Token,
    /// The token may not do this.
    Rights,
    /// The account may not use Workers.
    Blocked,
    /// The account's owner has an address to confirm.
    Email,
    /// The plan allows no more.
    Plan,
    /// Somebody else has the name.
    Taken,
    /// There is no such thing.
    Missing,
    /// It may go another time.
    Later,
    /// None of these.
    Other,
}

impl ApiError {
    /// Whether nothing was changed for certain. Who does not hear the answer does not know.
    fn is_certain(&self) -> bool {
        match self {
            Self::Refused { status, .. } => !status.is_server_error(),
            Self::Over => true,
            Self::Unreached(Unreached::Way(_)) => true,
            Self::Unreached(Unreached::Cut | Unreached::Late) | Self::NotApi(_) => false,
        }
    }

    fn is_fault_of_api(&self) -> bool {
        matches!(self, Self::Refused { status, .. } | Self::NotApi(status) if status.is_server_error())
    }

    /// By the platform's numbers where it has one, else by the status.
    pub(crate) fn meaning(&self) -> Meaning {
        match self {
            Self::Unreached(_) | Self::NotApi(_) => Meaning::Network,
            Self::Over => Meaning::Token,
            Self::Refused { status, code, .. } => match (*code, status.as_u16()) {
                (1000 | 1001 | 6003 | 6111, _) | (_, 401) => Meaning::Token,
                (9109 | 10000 | 10023, _) => Meaning::Rights,
                (10015 | 10353, _) => Meaning::Blocked,
                (10034, _) => Meaning::Email,
                (10027 | 10037 | 10054 | 10055 | 10075, _) => Meaning::Plan,
                (10031 | 100_116..=100_119, _) => Meaning::Taken,
                (10007 | 10056 | 10090 | 10092, _) | (_, 404) => Meaning::Missing,
                (10013 | 10035, _) | (_, 429 | 500..) => Meaning::Later,
                (_, 403) => Meaning::Rights,
                _ => Meaning::Other,
            },
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(unreached) => unreached.fmt(f),
            Self::Over => f.write_str("it has expired or was switched off"),
            Self::NotApi(status) => write!(f, "what answers is not Cloudflare's API ({})", status.as_u16()),
            Self::Refused { status, code: 0, .. } => write!(f, "Cloudflare refuses ({})", status.as_u16()),
            Self::Refused { code, message, .. } => write!(f, "Cloudflare refuses: {message} ({code})"),
        }
    }
}

impl std::error::Error for ApiError {}

impl Api {
    /// Sends nothing before the first request; what would change something never, if it is `dry`.
    pub(crate) fn new(base: &Base, token: Token, setup: &Setup, dry: bool) -> Result<Self, Unusable> {
        let planned = dry.then(Mutex::default);
        Ok(Self { http: Http::new(&base.link, setup)?, path: base.path.clone(), token, planned })
    }

    /// What would have been sent so far.
    pub(crate) fn planned(&self) -> Vec<Planned> {
        let planned = self.planned.as_ref().map(|planned| planned.lock().unwrap_or_else(PoisonError::into_inner));
        planned.map(|planned| planned.clone()).unwrap_or_default()
    }

    /// Asks for what is there.
    pub(super) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.send((Method::GET, path), &Body::Nothing, &self.token).await.map_err(|failed| failed.error)
    }

    /// Asks for what may not be there.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, ApiError> {
        match self.get(path).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.meaning() == Meaning::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What would change something. Nothing is sent yet.
    pub(super) const fn change(&self, method: Method, path: String, body: Body) -> Change<'_> {
        Change { api: self, method, path, body, token: None }
    }

    /// A request means the same when it is sent twice, so one that failed by the API's own fault is sent again. Only an upload whose
    /// migrations were taken the first time is refused then; the next run goes on from there.
    async fn send(&self, (method, path): (Method, &str), body: &Body, token: &Token) -> Result<Value, Failed> {
        let (mut pause, mut left, mut is_certain) = (PAUSE, TRIES, true);
        loop {
            let error = match self.send_once((method.clone(), path), body, token).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            // One that is refused may have been heeded before, by whoever failed to say so.
            is_certain &= error.is_certain();
            left -= 1;
            if left == 0 || !error.is_fault_of_api() {
                return Err(Failed { error, is_certain });
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn send_once(&self, (method, path): (Method, &str), body: &Body, token: &Token) -> Result<Value, ApiError> {
        let (kind, bytes) = match body {
            Body::Nothing => ("", Bytes::new()),
            Body::Json(value) => ("application/json", value.to_string().into()),
            Body::Other { kind, bytes, .. } => (kind.as_str(), bytes.clone()),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.path))
            .header(AUTHORIZATION, token.header())
            .header(ACCEPT, "application/json")
            // Not who we are: one look at the platform's logs would name every relay's account.
            .header(USER_AGENT, "api-client");
        if !kind.is_empty() {
            request = request.header(CONTENT_TYPE, kind);
        }
        let limit = LIMIT + Duration::from_secs(bytes.len() as u64 / PER_SECOND);
        let request = request.body(Full::new(bytes)).map_err(|_| ApiError::Unreached(Unreached::Cut))?;
        let answer = self.http.send(request, limit).await.map_err(ApiError::Unreached)?;
        let status = answer.status();
        let envelope: Value = serde_json::from_slice(answer.body()).map_err(|_| ApiError::NotApi(status))?;
        match envelope.get("success").and_then(Value::as_bool) {
            Some(true) if status.is_success() => Ok(envelope.get("result").cloned().unwrap_or_default()),
            Some(_) => Err(refusal(status, &envelope, token)),
            None => Err(ApiError::NotApi(status)),
        }
    }
}

/// The first of its reasons. It is shown, so it may hold neither the token nor what a terminal would obey.
fn refusal(status: StatusCode, envelope: &Value, token: &Token) -> ApiError {
    let first = envelope.pointer("/errors/0");
    let code = first.and_then(|error| error.get("code")?.as_u64()).unwrap_or_default();
    let message = first.and_then(|error| error.get("message")?.as_str()).unwrap_or("no reason given");
    let plain = token.hidden_in(message).chars().map(|it| if it.is_control() { ' ' } else { it }).take(300).collect();
    ApiError::Refused { status, code, message: plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_nobody_in_the_clear() {
        let base = Base::new(None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (base.link.host.as_str(), base.link.secure, base.path.as_str()),
            ("api.cloudflare.com", true, "/client/v4")
        );
        for (text, path) in
            [("http://127.0.0.1:8080", ""), ("http://localhost:1/v4/", "/v4"), ("https://a.example/x/y", "/x/y")]
        {
            assert_eq!(Base::new(Some(text)).map(|base| base.path), Ok(path.to_owned()), "{text}");
        }
        for text in
            ["http://api.cloudflare.com/client/v4", "http://127.0.0.1.example", "ftp://127.0.0.1", "a.example", ""]
        {
            assert!(Base::new(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn refusals_are_told_apart_by_the_platforms_numbers() {
        let meaning = |status: u16, code| {
            let status = StatusCode::from_u16(status).expect("a status");
            ApiError::Refused { status, code, message: String::new() }.meaning()
        };
        for (status, code, expected) in [
            (401, 0, Meaning::Token),
            (400, 6003, Meaning::Token),
            (403, 10000, Meaning::Rights),
            (403, 0, Meaning::Rights),
            (400, 10353, Meaning::Blocked),
            (403, 10034, Meaning::Email),
            (403, 10037, Meaning::Plan),
            (400, 10055, Meaning::Plan),
            (409, 10031, Meaning::Taken),
            (404, 10090, Meaning::Missing),
            (429, 971, Meaning::Later),
            (400, 10021, Meaning::Other),
        ] {
            assert_eq!(meaning(status, code), expected, "{status} {code}");
        }
    }
}
