//! The guide's pages as hyper's responses, and the operator's own site.
//!
//! `unknown` is the one place that answers what is not there, whatever the reason. What the pages say is `pasarela-guide`'s.

use std::borrow::Cow;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use pasarela_core::config::Site;
use pasarela_guide::{self as guide, Asked, Page};

use super::shared::Shared;
use super::site;

pub(super) type Answer = Response<Full<Bytes>>;

/// The answer to a request that is not a relay route under a right key.
pub(super) fn unknown<T>(request: &Request<T>, shared: &Shared) -> Answer {
    let config = &shared.ground.config;
    let (method, path) = (request.method(), request.uri().path());
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match (config.site, &shared.options.site) {
        (Site::Own, Some(site)) => {
            let found = site.get(path).filter(|_| reads);
            found.map(|page| own(page, path)).or_else(|| site.not_found().map(|page| file(page, StatusCode::NOT_FOUND)))
        }
        (Site::Own, None) | (Site::Guide, _) => None,
    }
    .unwrap_or_else(|| answer(guide::stranger(Some(config), &asked(request))))
}

/// What of a request a page depends on.
pub(super) fn asked<T>(request: &Request<T>) -> Asked<'_> {
    Asked {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        languages: request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default(),
    }
}

/// A page as a response.
pub(super) fn answer(page: Page) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in page.headers() {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    *answer.body_mut() = Full::new(match page.body {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    });
    answer
}

fn own(page: site::Page, path: &str) -> Answer {
    match page {
        site::Page::File(page) => file(page, StatusCode::OK),
        site::Page::Folder => {
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
            // A path that came in a request line may stand in a header.
            if let Ok(to) = HeaderValue::try_from(format!("{path}/")) {
                answer.headers_mut().insert(LOCATION, to);
            }
            answer
        }
    }
}

fn file(file: site::File, status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::new(file.bytes));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    answer
}
