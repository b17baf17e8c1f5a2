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
    Args,
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

/// How it ended.
pub(super) struct Arrival {
    pub(super) code: ExitCode,
    /// The check's own object, if there was a key to check with.
    pub(super) check: Option<Value>,
}

impl Arrival {
    /// Waits until the relay of this link answers, and checks it if the link has a key. If its name `is_new`, nobody is shown the key
    /// there before it leads to Cloudflare.
    pub(super) async fn of(
        args: &Args,
        link: Option<&Link>,
        is_new: bool,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let unchecked = |code| Self { code, check: None };
        let Some(link) = link else { return Ok(unchecked(ExitCode::SUCCESS)) };
        let (resolver, authorities) = args.way.read()?;
        let exit = args.way.exit(link)?;
        let setup = Setup { extra_roots: authorities.clone(), exit: exit.clone(), ..Setup::new(resolver.clone()) };
        let http = Http::new(link, &setup).map_err(|cause| Failure::told(texts::NO_LINK, cause, texts::RIGHT_NAME))?;
        let mut wait = Wait { begun: Instant::now(), told: false, progress };
        if is_new && link.key.is_some() && !wait.until(async || leads_to_cloudflare(&http).await).await {
            eprintln!("{}", texts::UNCHECKED);
            return Ok(unchecked(check::exit_code(Stage::Upgrade)));
        }
        wait.until(async || answers(&http, link).await).await;
        if link.key.is_none() {
            return Ok(unchecked(ExitCode::SUCCESS));
        }
        let options = Options { resolver, authorities, exit, ..Options::default() };
        match check::of_link(link, options, progress.lines).await {
            Ok((code, object)) => Ok(Self { code, check: Some(object) }),
            Err(code) => Ok(unchecked(code)),
        }
    }
}

/// Looks again and again, and says so once.
struct Wait<'a> {
    begun: Instant,
    told: bool,
    progress: &'a Progress,
}

impl Wait<'_> {
    /// Whether it came in time.
    async fn until(&mut self, mut came: impl AsyncFnMut() -> bool) -> bool {
        while !came().await {
            if self.begun.elapsed() > NAME_MAX {
                self.progress.step("answers", texts::SILENT);
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

/// Whether a path that nobody has is answered as the Worker answers strangers, and by Cloudflare. The name may have led elsewhere up to
/// now, and resolvers keep that a while: those who answer there see all paths. What Cloudflare answers under a name is the account's.
async fn leads_to_cloudflare(http: &Http) -> bool {
    let answer = get(http, format!("/{}", random_key())).await;
    answer.is_some_and(|answer| is_as_for_strangers(&answer))
}

fn is_as_for_strangers(answer: &Response<Bytes>) -> bool {
    let by_cloudflare = answer.headers().get(SERVER).is_some_and(|server| server == "cloudflare");
    by_cloudflare && answer.status() == StatusCode::NOT_FOUND && answer.body().is_empty()
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
        assert!(answer(404, "cloudflare", ""));
        // A parked name, a web server of before, one that is quiet too, and Cloudflare before the name is known there.
        for (status, server, body) in
            [(200, "nginx", "buy me"), (404, "nginx", "not found"), (404, "Caddy", ""), (530, "cloudflare", "1016")]
        {
            assert!(!answer(status, server, body), "{status} {server}");
        }
        assert!(!is_as_for_strangers(&Response::new(Bytes::new())));
    }
}
