//! The page in a real Chromium: what visitors read, what its check proves, and what neither of them may do.
//!
//! The relay under it is the real one, with a simulated WhatsApp behind it that the link's `root` makes the check believe.

/// The check: a tick that is a proof, and what it says instead.
mod verdicts;
/// What the guide does for whoever has a link, and for whoever has none.
mod guide;
/// Every language, in every window.
mod languages;
/// What fits the visitor's own device, and the way into the app.
mod devices;
/// What those see who have no key.
mod strangers;

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{browser, places, workerd::Options};

use crate::{common::hex, relays::Bench};

pub(crate) const KEY: &str = "0123456789abcdefghij";

/// A relay with a key, whose operator shows the page to everybody.
fn keyed(options: Options) -> Options {
    hidden(options).var("SITE", "guide")
}

/// A relay with a key, as it comes: strangers see nothing.
fn hidden(options: Options) -> Options {
    options.var("OPEN", "0").var("RELAY_KEYS", &format!("ana={KEY}"))
}

/// The link's fragment for a relay whose WhatsApp is the simulator.
fn fragment(bench: &Bench) -> String {
    format!("#{KEY}&root={}", hex(bench.sim.root_key()))
}

/// What the check said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Why it failed; `None` is the tick.
    pub(crate) code: Option<String>,
    /// What the reader sees.
    text: String,
    /// The round trip, if it is told.
    ms: Option<u64>,
}

/// Asks for the check as visitors do, and waits for what it says.
pub(crate) async fn check(page: &browser::Page<'_>) -> Result<Verdict> {
    page.click("#check").await?;
    page.wait("#result:is([data-state=ok], [data-state=failed])").await.context("the check does not end")?;
    let result = page.one("#result").await?;
    ensure!(result.visible && !result.text.is_empty(), "nobody can read it: {result:?}");
    let code = result.attributes.get("data-code").cloned();
    let failed = result.attributes.get("data-state").is_some_and(|state| state == "failed");
    ensure!(failed == code.is_some(), "a failure has a code and a tick none: {result:?}");
    let ms = result.attributes.get("data-ms").map(|ms| ms.parse()).transpose().context("data-ms is no number")?;
    Ok(Verdict { code, text: result.text, ms })
}

/// What the page may do unasked: speak to its own relay, have the key only where the check asks the relay for something,
/// and leave nothing with its visitor.
async fn must_keep_to_itself(page: &browser::Page<'_>, relay: SocketAddr) -> Result<browser::Seen> {
    let seen = page.seen().await?;
    let own = [format!("http://{relay}/"), format!("ws://{relay}/")];
    for request in &seen.requests {
        let path = own.iter().find_map(|origin| request.url.strip_prefix(origin.as_str()));
        let path = path.with_context(|| format!("it asks elsewhere: {request:?}"))?;
        let outside = path.strip_prefix(&format!("{KEY}/")).unwrap_or(path);
        for told in [outside, &request.headers, &request.body] {
            ensure!(!told.contains(KEY), "it tells the key: {request:?}");
        }
    }
    ensure!(seen.kept.is_empty(), "it keeps {:?}", seen.kept);
    Ok(seen)
}

/// The same, and the browser had nothing to say about it.
async fn must_be_silent(page: &browser::Page<'_>, relay: SocketAddr) -> Result<browser::Seen> {
    let seen = must_keep_to_itself(page, relay).await?;
    ensure!(seen.complaints.is_empty(), "the console says: {:#?}", seen.complaints);
    Ok(seen)
}

/// What a reader of this language finds, by its place in the file of texts.
fn text(language: &str, place: &str) -> Result<String> {
    let file = std::fs::read_to_string(places::root().join(format!("www/texts/{language}.json")))?;
    let texts: serde_json::Value = serde_json::from_str(&file)?;
    let text = texts.pointer(place).and_then(serde_json::Value::as_str);
    // What is marked as code or strong is so shown.
    Ok(text.with_context(|| format!("no {place} in {language}"))?.replace(['`', '*'], ""))
}
