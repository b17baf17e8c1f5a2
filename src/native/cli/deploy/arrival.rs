//! Whether the relay answers where it was put, and whether WhatsApp does through it.
//!
//! The check itself is `pasarela check`'s.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, header::SERVER};
use serde_json::Value;

use super::{
    super::{
        Failure, check,
        texts::{deploy as texts, language::In, steps, unusable},
    },
    Args, is_own_name,
    progress::Progress,
};
use crate::{
    check::Options,
    connect::Setup,
    deploy::{Http, random_key},
    link::Link,
    trouble::Stage,
};

/// How long a new name may take until it is known here, and the pause between two looks.
const NAME_MAX: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(2);

/// One look may take this time.
const LOOK: Duration = Duration::from_secs(15);

/// So often in a row Cloudflare has to answer before it counts: while a name moves, resolvers give old and new answers by turns.
const IN_A_ROW: u32 = 3;

/// So often in a row a firewall has to answer: while a name is new, Cloudflare says 403 for other reasons, too.
const WALLS: u32 = 8;

/// How it ended.
pub(super) struct Arrival {
    pub(super) code: ExitCode,
    /// The check's own object, if there was a key to check with.
    pub(super) check: Option<Value>,
    /// Why it was not checked: its name may lead to somebody else, as far as can be seen from here.
    pub(super) unchecked: Option<In>,
}

/// What a look at a name finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// What was looked for.
    It,
    /// A firewall of Cloudflare's, which may be in front of it for good.
    Wall,
    /// Nothing, or something else.
    Other,
}

impl Arrival {
    /// Waits until the relay of this link answers, and checks it if the link has a key. At a name of the account's own nobody is
    /// shown the key before it leads to Cloudflare, however long the account has the name: an earlier run may have seen no more.
    pub(super) async fn of(args: &Args, link: Option<&Link>, progress: &Progress) -> Result<Self, Failure> {
        let ended = |code| Self { code, check: None, unchecked: None };
        let Some(link) = link else { return Ok(ended(ExitCode::SUCCESS)) };
        let (http, options) = way(args, link)?;
        let own_name = is_own_name(&link.host);
        let mut wait = Wait { begun: Instant::now(), told: false, silent: steps::silent(own_name), progress };
        if own_name {
            let why = match wait.until(async || leads_to_cloudflare(args, link).await).await {
                Found::It => None,
                // There is no key to be shown to anybody, and none that a rule could let through.
                Found::Wall if link.key.is_none() => return Ok(ended(ExitCode::SUCCESS)),
                Found::Wall => Some(steps::WALLED),
                Found::Other => Some(steps::UNCHECKED),
            };
            if why.is_some() {
                return Ok(Self { unchecked: why, ..ended(check::exit_code(Stage::Upgrade)) });
            }
        }
        // Whatever is found there, the check says what it is.
        wait.until(async || answers(&http, link).await).await;
        if link.key.is_none() {
            return Ok(ended(ExitCode::SUCCESS));
        }
        match check::of_link(link, options, progress.lines).await {
            Ok((code, object)) => Ok(Self { check: Some(object), ..ended(code) }),
            Err(code) => Ok(ended(code)),
        }
    }
}

/// The way to the relay of a link, which nothing is known of yet: no address, no connection. Nothing is sent.
pub(super) fn way(args: &Args, link: &Link) -> Result<(Http, Options), Failure> {
    let (resolver, authorities) = args.way.read()?;
    let exit = args.way.exit(link)?;
    let setup = Setup { extra_roots: authorities.clone(), exit: exit.clone(), ..Setup::new(resolver.clone()) };
    let http = Http::new(link, &setup)
        .map_err(|cause| Failure::told(texts::NO_WAY, unusable::setup(cause), texts::ANOTHER_LINK_WITH))?;
    Ok((http, Options { resolver, authorities, exit, ..Options::default() }))
}

/// Looks again and again, and says so once.
struct Wait<'a> {
    begun: Instant,
    told: bool,
    silent: In,
    progress: &'a Progress,
}

impl Wait<'_> {
    /// What is found in the end.
    async fn until(&mut self, mut look: impl AsyncFnMut() -> Found) -> Found {
        let mut walls = 0;
        loop {
            let found = look().await;
            walls = if found == Found::Wall { walls + 1 } else { 0 };
            if found == Found::It {
                return found;
            }
            if walls == WALLS || self.begun.elapsed() > NAME_MAX {
                let how = if found == Found::Wall { steps::BLOCKED } else { self.silent };
                self.progress.warn(steps::ANSWERS, &how.text());
                return found;
            }
            if !self.told {
                self.progress.step(steps::ANSWERS, &steps::WAITING.text());
                self.told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether a path that nobody has is not found there, by Cloudflare's word. The name may have led elsewhere up to now, and resolvers
/// keep that a while: those who answer there see all paths. What Cloudflare answers under a name is the account's. Each time the
/// name is looked up anew.
async fn leads_to_cloudflare(args: &Args, link: &Link) -> Found {
    for _ in 0..IN_A_ROW {
        let Ok((http, _)) = way(args, link) else { return Found::Other };
        let answer = get(&http, format!("/{}", random_key())).await;
        match answer.map_or(Found::Other, |answer| as_for_strangers(&answer)) {
            Found::It => {}
            other @ (Found::Wall | Found::Other) => return other,
        }
    }
    Found::It
}

/// With whatever body: the operator's own site, or the guide, may answer strangers.
fn as_for_strangers(answer: &Response<Bytes>) -> Found {
    match answer.status() {
        StatusCode::NOT_FOUND if is_by_cloudflare(answer) => Found::It,
        StatusCode::FORBIDDEN if is_by_cloudflare(answer) => Found::Wall,
        _ => Found::Other,
    }
}

fn is_by_cloudflare(answer: &Response<Bytes>) -> bool {
    answer.headers().get(SERVER).is_some_and(|server| server == "cloudflare")
}

/// Whether the relay knows its key there; without one, whether anything answers that is no error of the platform's.
async fn answers(http: &Http, link: &Link) -> Found {
    let path = if link.key.is_some() { link.path("/status.json") } else { "/".to_owned() };
    let Some(answer) = get(http, path).await else { return Found::Other };
    match answer.status() {
        StatusCode::FORBIDDEN if link.key.is_some() && is_by_cloudflare(&answer) => Found::Wall,
        status if link.key.is_some() && status != StatusCode::OK => Found::Other,
        status if status.is_server_error() => Found::Other,
        _ => Found::It,
    }
}

async fn get(http: &Http, path: String) -> Option<Response<Bytes>> {
    let request = Request::get(path).body(Full::new(Bytes::new())).ok()?;
    http.send(request, LOOK).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cloudflare_answers_as_a_relay_answers_strangers_is_where_the_key_may_go() {
        let answer = |status: u16, server: &str, body: &'static str| {
            let answer = Response::builder().status(status).header(SERVER, server);
            as_for_strangers(&answer.body(Bytes::from_static(body.as_bytes())).expect("an answer"))
        };
        // A parked name, a web server of before, one that is quiet too, and Cloudflare before the name is known there.
        for (status, server, body, found) in [
            (404, "cloudflare", "", Found::It),
            (404, "cloudflare", "<h1>Bicycles</h1>", Found::It),
            (403, "cloudflare", "", Found::Wall),
            (403, "nginx", "", Found::Other),
            (200, "nginx", "buy me", Found::Other),
            (404, "nginx", "not found", Found::Other),
            (404, "Caddy", "", Found::Other),
            (530, "cloudflare", "1016", Found::Other),
        ] {
            assert_eq!(answer(status, server, body), found, "{status} {server}");
        }
        assert_eq!(as_for_strangers(&Response::new(Bytes::new())), Found::Other);
    }
}
