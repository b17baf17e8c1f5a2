//! The operator's own site in front: whoever has no key finds nothing of ours, and under the key is all of it.

use anyhow::{Result, ensure};
use pasarela_e2e::{
    browser::{Browser, Visitor},
    http,
    workerd::Options,
};

use super::{KEY, check, fragment, keyed, must_be_silent};
use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_both! {
        behind_the_operators_site_the_page_is_only_under_the_key,
    }
}

async fn behind_the_operators_site_the_page_is_only_under_the_key(kind: Kind) -> Result<()> {
    let own = |options| Options { site: Some("a shop for bicycles"), ..keyed(options).var("SITE", "own") };
    let bench = Bench::with(kind, own).await?;
    let get = async |target: &str| anyhow::Ok(http::request(bench.address(), "GET", target, &[]).await?.without_date());
    for target in ["/", "/?lang=fa", "/check.js", "/check.wasm", "/0123456789abcdefghiX/check.js", "/page.js"] {
        let answer = get(target).await?;
        ensure!(answer.body.contains("bicycles") && answer.body.len() < 100, "{target}: {answer:?}");
    }
    let browser = Browser::start()?;
    let page = browser.visit(Visitor { locale: "fa-IR", ..Visitor::default() }).await?;
    page.open(bench.address(), &format!("/{KEY}/{}", fragment(&bench))).await?;
    ensure!(page.one("html").await?.attributes.get("lang").is_some_and(|language| language == "fa"));
    let verdict = check(&page).await?;
    ensure!(verdict.code.is_none(), "{verdict:?}");
    must_be_silent(&page, bench.address()).await.map(drop)
}
