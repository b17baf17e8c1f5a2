//! The guide's pages as hyper's responses, and the operator's own site.
//!
//! `unknown` is the one place that answers what is not there, whatever the reason. What the pages say is `pasarela-guide`'s.

use std::borrow::Cow;

use headers::{AcceptRanges, ContentRange, HeaderMapExt as _, IfNoneMatch, IfRange};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Bytes,
    header::{ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RANGE, USER_AGENT},
};
use pasarela_core::config::Site;
use pasarela_guide::{self as guide, Asked, Page};

use super::{shared::Shared, site};

pub(super) type Answer = Response<Full<Bytes>>;

/// The answer to a request that is not a relay route under a right key.
pub(super) fn unknown<T>(request: &Request<T>, shared: &Shared) -> Answer {
    let config = &shared.ground.config;
    let (method, path) = (request.method(), request.uri().path());
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match (config.site, &shared.options.site) {
        (Site::Own, Some(site)) => {
            let found = site.get(path).filter(|_| reads);
            found.map(|page| own(page, request)).or_else(|| site.not_found().map(not_found))
        }
        (Site::Own, None) | (Site::Guide | Site::Nothing, _) => None,
    }
    .unwrap_or_else(|| answer(guide::stranger(config.site, Some(config), &asked(request))))
}

/// What of a request a page depends on.
pub(super) fn asked<T>(request: &Request<T>) -> Asked<'_> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Asked {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        languages: header(ACCEPT_LANGUAGE),
        agent: header(USER_AGENT),
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

fn own<T>(page: site::Page, request: &Request<T>) -> Answer {
    match page {
        site::Page::File(page) => file(page, request.headers()),
        site::Page::Folder => {
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
            // A path that came in a request line may stand in a header.
            if let Ok(to) = HeaderValue::try_from(format!("{}/", request.uri().path())) {
                answer.headers_mut().insert(LOCATION, to);
            }
            answer
        }
    }
}

fn not_found(page: site::File) -> Answer {
    let mut answer = Response::new(Full::new(page.bytes));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.kind));
    answer
}

/// A file, or the part of it that is asked for, or that the browser has it already (RFC 9110, sections 13 and 14).
fn file(file: site::File, asked: &HeaderMap) -> Answer {
    let mut answer = Response::new(Full::default());
    answer.headers_mut().typed_insert(file.tag.clone());
    if asked.typed_get::<IfNoneMatch>().is_some_and(|known| !known.precondition_passes(&file.tag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    answer.headers_mut().typed_insert(AcceptRanges::bytes());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    let same = asked.typed_get::<IfRange>().is_none_or(|known| !known.is_modified(Some(&file.tag), None));
    let range = asked.get(RANGE).filter(|_| same).and_then(|range| range.to_str().ok());
    let bytes = match range.map(|range| part(range, file.bytes.len())) {
        None | Some(Part::Whole) => file.bytes,
        Some(Part::Of(part)) => {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let (from, to) = (part.start as u64, part.end as u64);
            let range = ContentRange::bytes(from..to, Some(file.bytes.len() as u64));
            answer.headers_mut().typed_insert(range.expect("the part lies within"));
            file.bytes.slice(part)
        }
        Some(Part::None) => {
            *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            answer.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(file.bytes.len() as u64));
            Bytes::new()
        }
    };
    *answer.body_mut() = Full::new(bytes);
    answer
}

/// What of a file is asked for.
enum Part {
    Whole,
    Of(std::ops::Range<usize>),
    None,
}

/// Several parts at once are answered with the whole, and so is what cannot be understood, as RFC 9110 allows.
///
/// By hand: `headers` and `http-range-header` refuse the last 99 bytes of a file that has 8, which are all of it.
fn part(range: &str, len: usize) -> Part {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    let (from, to) = match (first.trim(), last.trim()) {
        ("", last) => match last.parse() {
            Ok(0_usize) => return Part::None,
            Ok(last) => (len.saturating_sub(last), len),
            Err(_) => return Part::Whole,
        },
        (first, "") => (first.parse().unwrap_or(len), len),
        (first, last) => match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(len)),
            _ => return Part::Whole,
        },
    };
    if from < to { Part::Of(from..to) } else { Part::None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn asked(headers: &[(&'static str, &str)]) -> (u16, String, String) {
        let given =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
        let answer = file(site::File::new("text/plain", "bicycles".into()), &given.collect());
        let (head, body) = answer.into_parts();
        let range = head.headers.get("content-range").map(|range| range.to_str().expect("text").to_owned());
        let body = body.collect();
        let body = futures_util::FutureExt::now_or_never(body).expect("at once").expect("infallible").to_bytes();
        (head.status.as_u16(), range.unwrap_or_default(), String::from_utf8(body.to_vec()).expect("text"))
    }

    fn said(status: u16, range: &str, body: &str) -> (u16, String, String) {
        (status, range.to_owned(), body.to_owned())
    }

    #[test]
    fn a_part_of_a_file_is_to_be_had() {
        for (range, expected) in [
            ("bytes=0-2", said(206, "bytes 0-2/8", "bic")),
            ("bytes=3-", said(206, "bytes 3-7/8", "ycles")),
            ("bytes=-3", said(206, "bytes 5-7/8", "les")),
            ("bytes=6-99", said(206, "bytes 6-7/8", "es")),
            ("bytes=-99", said(206, "bytes 0-7/8", "bicycles")),
            ("bytes=8-", said(416, "bytes */8", "")),
            ("bytes=-0", said(416, "bytes */8", "")),
            ("bytes=5-3", said(200, "", "bicycles")),
            ("bytes=9-12", said(416, "bytes */8", "")),
            ("bytes=0-1,3-4", said(200, "", "bicycles")),
            ("lines=1-2", said(200, "", "bicycles")),
            ("bytes=x", said(200, "", "bicycles")),
        ] {
            assert_eq!(asked(&[("range", range)]), expected, "{range}");
        }
    }

    #[test]
    fn who_has_a_file_already_does_not_get_it_again() {
        let file = site::File::new("text/plain", "bicycles".into());
        let mut headers = HeaderMap::new();
        headers.typed_insert(file.tag);
        let tag = headers.get("etag").expect("inserted").to_str().expect("text").to_owned();
        for known in [tag.as_str(), "*", &format!("\"x\", W/{tag}")] {
            assert_eq!(asked(&[("if-none-match", known)]), said(304, "", ""), "{known}");
        }
        assert_eq!(asked(&[("if-none-match", "\"x\"")]), said(200, "", "bicycles"));
        assert_eq!(asked(&[("if-range", "\"x\""), ("range", "bytes=0-2")]), said(200, "", "bicycles"));
        assert_eq!(asked(&[("if-range", &tag), ("range", "bytes=0-2")]), said(206, "bytes 0-2/8", "bic"));
    }
}
