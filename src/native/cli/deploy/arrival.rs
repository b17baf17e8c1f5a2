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
    super::{Failure, check, texts::deploy as texts},
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

/// How it ended.
pub(super) struct Arrival {
    pub(super) code: ExitCode,
    /// The check's own object, if there was a key to check with.
    pub(super) check: Option<Value>,
    /// Its name may lead to somebody else, as far as can be seen from here.
    pub(super) is_elsewhere: bool,
}

impl Arrival {
    /// Waits until the relay of this link answers, and checks it if the link has a key. At a name of the account's own nobody is
    /// shown the key before it leads to Cloudflare, however long the account has the name: an earlier run may have seen no more.
    pub(super) async fn of(args: &Args, link: Option<&Link>, progress: &Progress) -> Result<Self, Failure> {
        let unchecked = |code| Self { code, check: None, is_elsewhere: false };
        let Some(link) = link else { return Ok(unchecked(ExitCode::SUCCESS)) };
        let (http, options) = way(args, link)?;
        let own_name = is_own_name(&link.host);
        let mut wait = Wait { begun: Instant::now(), told: false, silent: texts::silent(own_name), progress };
        if own_name && !wait.until(async || leads_to_cloudflare(args, link).await).await {
            return Ok(Self { is_elsewhere: true, ..unchecked(check::exit_code(Stage::Upgrade)) });
        }
        wait.until(async || answers(&http, link).await).await;
        if link.key.is_none() {
            return Ok(unchecked(ExitCode::SUCCESS));
        }
        match check::of_link(link, options, progress.lines).await {
            Ok((code, object)) => Ok(Self { check: Some(object), ..unchecked(code) }),
            Err(code) => Ok(unchecked(code)),
        }
    }
}

/// The way to the relay of a link, which nothing is known of yet: no address, no connection. Nothing is sent.
pub(super) fn way(args: &Args, link: &Link) -> Result<(Http, Options), Failure> {
    let (resolver, authorities) = args.way.read()?;
    let exit = args.way.exit(link)?;
    let setup = Setup { extra_roots: authorities.clone(), exit: exit.clone(), ..Setup::new(resolver.clone()) };
    let http =
        Http::new(link, &setup).map_err(|cause| Failure::told(texts::NO_WAY, cause, texts::ANOTHER_LINK_WITH))?;
    Ok((http, Options { resolver, authorities, exit, ..Options::default() }))
}

/// Looks again and again, and says so once.
struct Wait<'a> {
    begun: Instant,
    told: bool,
    silent: &'static str,
    progress: &'a Progress,
}

impl Wait<'_> {
    /// Whether it came in time.
    async fn until(&mut self, mut came: impl AsyncFnMut() -> bool) -> bool {
        while !came().await {
            if self.begun.elapsed() > NAME_MAX {
                self.progress.step("answers", self.silent);
                return false;
            }
            if !self.told {
                self.progress.step("answers", texts::WAITING);
                self.told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        true
    }
}

/// Whether a path that nobody has is not found there, by Cloudflare's word. The name may have led elsewhere up to now, and resolvers
/// keep that a while: those who answer there see all paths. What Cloudflare answers under a name is the account's. Each time the
/// name is looked up anew.
async fn leads_to_cloudflare(args: &Args, link: &Link) -> bool {
    for _ in 0..IN_A_ROW {
        let Ok((http, _)) = way(args, link) else { return false };
        let answer = get(&http, format!("/{}", random_key())).await;
        if !answer.is_some_and(|answer| is_as_for_strangers(&answer)) {
            return false;
        }
    }
    true
}

/// With whatever body: the operator's own site, or the guide, may answer strangers.
fn is_as_for_strangers(answer: &Response<Bytes>) -> bool {
    let by_cloudflare = answer.headers().get(SERVER).is_some_and(|server| server == "cloudflare");
    by_cloudflare && answer.status() == StatusCode::NOT_FOUND
}

/// Whether the relay knows its key there; without one, whether anything answers that is no error of the platform's.
async fn answers(http: &Http, link: &Link) -> bool {
    let path = if link.key.is_some() { link.path("/status.json") } else { "/".to_owned() };
    match get(http, path).await {
        Some(answer) if link.key.is_some() => answer.status() == StatusCode::OK,
        Some(answer) => !answer.status().is_server_error(),
        None => false,
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
            is_as_for_strangers(&answer.body(Bytes::from_static(body.as_bytes())).expect("an answer"))
        };
        assert!(answer(404, "cloudflare", "") && answer(404, "cloudflare", "<h1>Bicycles</h1>"));
        // A parked name, a web server of before, one that is quiet too, and Cloudflare before the name is known there.
        for (status, server, body) in [
            (200, "nginx", "buy me"),
            (404, "nginx", "not found"),
            (404, "Caddy", ""),
            (530, "cloudflare", "1016"),
            (403, "cloudflare", ""),
        ] {
            assert!(!answer(status, server, body), "{status} {server}");
        }
        assert!(!is_as_for_strangers(&Response::new(Bytes::new())));
    }
}
