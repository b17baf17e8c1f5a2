//! Whether the relay answers where it was put, and whether WhatsApp does through it.
//!
//! The check itself is `pasarela check`'s.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::Value;

use super::{
    super::{Failure, check, texts::deploy as texts},
    Args,
    progress::Progress,
};
use crate::{check::Options, connect::Setup, deploy::Http, link::Link};

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
    /// Waits until the relay of this link answers, and checks it if the link has a key.
    pub(super) async fn of(args: &Args, link: Option<&Link>, progress: &Progress) -> Result<Self, Failure> {
        let unchecked = Self { code: ExitCode::SUCCESS, check: None };
        let Some(link) = link else { return Ok(unchecked) };
        let (resolver, authorities) = args.way.read()?;
        let exit = args.way.exit(link)?;
        let setup = Setup { extra_roots: authorities.clone(), exit: exit.clone(), ..Setup::new(resolver.clone()) };
        let http = Http::new(link, &setup).map_err(|cause| Failure::told(texts::NO_LINK, cause, texts::RIGHT_NAME))?;
        let (begun, mut told) = (Instant::now(), false);
        while !answers(&http, link).await {
            if begun.elapsed() > NAME_MAX {
                progress.step("answers", texts::SILENT);
                break;
            }
            if !told {
                progress.step("answers", texts::WAITING);
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if link.key.is_none() {
            return Ok(unchecked);
        }
        let options = Options { resolver, authorities, exit, ..Options::default() };
        match check::of_link(link, options, progress.lines).await {
            Ok((code, object)) => Ok(Self { code, check: Some(object) }),
            Err(code) => Ok(Self { code, check: None }),
        }
    }
}

/// Whether the relay knows its key there; without one, whether anything answers that is no error of the platform's.
async fn answers(http: &Http, link: &Link) -> bool {
    let path = if link.key.is_some() { link.path("/status.json") } else { "/".to_owned() };
    let Ok(request) = Request::get(path).body(Full::new(Bytes::new())) else { return false };
    match http.send(request, LOOK).await {
        Ok(answer) if link.key.is_some() => answer.status() == StatusCode::OK,
        Ok(answer) => !answer.status().is_server_error(),
        Err(_) => false,
    }
}
