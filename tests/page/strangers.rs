//! Nothing in front, or the operator's own site: whoever has no key finds nothing of ours, and under the key is all of it.

use anyhow::{Result, ensure};
use pasarela_e2e::{
    browser::{Browser, Visitor},
    http,
    workerd::Options,
};

use super::{KEY, check, fragment, hidden, must_be_silent};
use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_both! {
        behind_the_operators_site_the_page_is_only_under_the_key,
        under_the_key_the_page_hides_it_and_stays_to_be_found,
    }
}

async fn under_the_key_the_page_hides_it_and_stays_to_be_found(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, hidden).await?, Browser::start()?);
    let page = browser.visit(Visitor::default()).await?;
    let of_key = fragment(&bench);
    let parameters = of_key.replace(&format!("#{KEY}&"), "#");
    page.open(bench.address(), &format!("/{KEY}/{parameters}")).await?;
    let link = format!("http://{}/{of_key}", bench.address());
    ensure!(page.one("#link").await?.text == link, "{:?}", page.one("#link").await?);
    let name = pasarela_core::config::page_name(KEY);
    let at = |query: &str| format!("http://{}/{name}/{query}{of_key}", bench.address());
    let door = page.one("#door").await?;
    let address = format!("http://{}/{KEY}/{parameters}", bench.address());
    ensure!(door.visible && door.text.contains(&address), "no way for a browser: {door:?}");
    ensure!(check(&page).await?.code.is_none());
    for language in ["tr", "fa"] {
        let shown = page.follow(&format!("#languages a[hreflang={language}]")).await?;
        ensure!(shown == at(&format!("?lang={language}")), "the address bar says {shown}");
        for _ in 0..2 {
            let shown = page.reload().await?;
            ensure!(shown == at(&format!("?lang={language}")), "the address bar says {shown}");
            ensure!(page.one("html").await?.attributes.get("lang").is_some_and(|it| it == language), "not {language}");
        }
        ensure!(check(&page).await?.code.is_none(), "{language}");
    }
    ensure!(!page.one("#vouched").await?.visible, "another name than the host's is told of, and there is none");
    for (more, said) in [
        ("verify=evil.example", "evil.example"),
        ("sni=front.example&pin=AAAA", "pin=AAAA"),
        ("sni=none", ""),
        ("sni=front.example&verify=127.0.0.1", ""),
        ("verify=%", "%"),
    ] {
        page.open(bench.address(), &format!("/{name}/{of_key}&{more}")).await?;
        let vouched = page.one("#vouched").await?;
        ensure!(vouched.visible != said.is_empty() && vouched.text.ends_with(said), "{more}: {vouched:?}");
    }
    must_be_silent(&page, bench.address()).await?;
    // What is behind the # no relay sees: without the key in the path there is no page.
    let root = http::request(bench.address(), "GET", "/", &[]).await?;
    ensure!(root.status() == 404 && root.body.is_empty(), "{root:?}");
    Ok(())
}

async fn behind_the_operators_site_the_page_is_only_under_the_key(kind: Kind) -> Result<()> {
    let own = |options| Options { site: Some("a shop for bicycles"), ..hidden(options).var("SITE", "own") };
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
