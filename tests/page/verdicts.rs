//! The check by a tap: the tick against the simulator through a real relay, and the right words for whatever is wrong.

use anyhow::{Result, ensure};
use pasarela_e2e::browser::{Browser, Page, Visitor};

use super::{KEY, Verdict, check, fragment, keyed, must_be_silent, must_keep_to_itself, text};
use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_both! {
        the_tick_appears_after_a_handshake_that_was_verified,
        it_believes_nobody_but_whatsapp_and_no_wrong_clock,
        it_says_that_whatsapp_is_not_reached_from_the_relay,
        it_says_that_the_relay_is_gone,
        a_relay_without_a_key_tells_its_operator_how_to_set_one,
        an_open_relay_is_checked_without_a_key,
    }
}

const YEAR: i64 = 365 * 86_400;

async fn the_tick_appears_after_a_handshake_that_was_verified(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor::default()).await?;
    page.open(bench.address(), &format!("/{}", fragment(&bench))).await?;
    let before = must_be_silent(&page, bench.address()).await?;
    ensure!(before.requests.len() == 1, "the page is one request, and the check waits for a tap: {before:#?}");
    let size = before.requests.first().map_or(0, |request| request.size);
    ensure!((1000..60_000).contains(&size), "the page has {size} bytes");

    let verdict = check(&page).await?;
    ensure!(verdict.code.is_none() && verdict.ms.is_some(), "no tick: {verdict:?}");
    // Whose key it was may not be left out of a picture of the tick.
    let (of_whatsapp, of_another) = (text("en", "/check/ok_what")?, text("en", "/check/root")?);
    ensure!(verdict.text.contains(&of_another) && !verdict.text.contains(&of_whatsapp), "{verdict:?}");
    let stages: Vec<_> = page.all("#stages li[data-stage]").await?.into_iter().map(|stage| stage.attributes).collect();
    let names: Vec<_> = stages.iter().filter_map(|stage| stage.get("data-stage")).collect();
    ensure!(names == ["relay", "connect", "hello", "proof", "library"], "{names:?}");
    ensure!(stages.iter().all(|stage| stage.get("data-state").is_some_and(|state| state == "ok")), "{stages:?}");
    ensure!(bench.sim.stats().chat.total > 0, "the simulator was never asked");

    let after = must_be_silent(&page, bench.address()).await?;
    let weight: u64 =
        after.requests.iter().filter(|request| request.url.contains("/check.")).map(|file| file.size).sum();
    ensure!((1000..=200_000).contains(&weight), "the check has {weight} bytes");
    // Without a mouse, and once more.
    page.press("#check", "Enter").await?;
    page.wait("#result[data-state=ok]").await
}

async fn it_believes_nobody_but_whatsapp_and_no_wrong_clock(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let right = format!("/{}", fragment(&bench));
    let late = Visitor { ahead: YEAR, ..Visitor::default() };
    let early = Visitor { ahead: -YEAR, ..Visitor::default() };
    for (visitor, target, code) in [
        // WhatsApp's own root key, which the simulator does not have: what a relay that tampers looks like.
        (Visitor::default(), format!("/#{KEY}"), "forged"),
        (Visitor::default(), format!("/{KEY}/"), "forged"),
        (Visitor::default(), format!("/#{KEY}&root={}", "5a".repeat(32)), "forged"),
        (Visitor::default(), right.replace(KEY, "0123456789abcdefghiX"), "key"),
        (late, right.clone(), "clock"),
        (early, right, "clock"),
    ] {
        let page = browser.visit(visitor).await?;
        page.open(bench.address(), &target).await?;
        must_fail(&page, code).await?;
        must_keep_to_itself(&page, bench.address()).await?;
    }
    Ok(())
}

async fn it_says_that_whatsapp_is_not_reached_from_the_relay(kind: Kind) -> Result<()> {
    let nowhere =
        |options| keyed(options).var("UPSTREAM_CHAT", "127.0.0.1:1").var("UPSTREAM_WEB", "http://127.0.0.1:1/");
    let (bench, browser) = (Bench::with(kind, nowhere).await?, Browser::start()?);
    let page = browser.visit(Visitor::default()).await?;
    page.open(bench.address(), &format!("/{}", fragment(&bench))).await?;
    must_fail(&page, "upstream").await
}

async fn it_says_that_the_relay_is_gone(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let (fresh, used) = (browser.visit(Visitor::default()).await?, browser.visit(Visitor::default()).await?);
    for page in [&fresh, &used] {
        page.open(bench.address(), &format!("/{}", fragment(&bench))).await?;
    }
    ensure!(check(&used).await?.code.is_none());
    drop(bench);
    // One of them must still fetch the check itself.
    for page in [&fresh, &used] {
        must_fail(page, "offline").await?;
    }
    Ok(())
}

async fn a_relay_without_a_key_tells_its_operator_how_to_set_one(kind: Kind) -> Result<()> {
    let closed = |options: pasarela_e2e::workerd::Options| options.var("OPEN", "0");
    let (bench, browser) = (Bench::with(kind, closed).await?, Browser::start()?);
    let page = browser.visit(Visitor::default()).await?;
    page.open(bench.address(), "/").await?;
    let told = page.all("code").await?;
    ensure!(told.iter().any(|code| code.visible && code.text.contains("secret put RELAY_KEYS")), "not how: {told:?}");
    ensure!(page.all("#check").await?.iter().all(|button| !button.visible), "there is nothing to check");
    must_be_silent(&page, bench.address()).await.map(drop)
}

async fn an_open_relay_is_checked_without_a_key(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::start(kind).await?, Browser::start()?);
    let page = browser.visit(Visitor::default()).await?;
    page.open(bench.address(), &fragment(&bench).replace(&format!("#{KEY}"), "/#")).await?;
    let Verdict { code, .. } = check(&page).await?;
    ensure!(code.is_none(), "{code:?}");
    must_be_silent(&page, bench.address()).await.map(drop)
}

/// Checks, and finds the failure with what it means and what to try.
async fn must_fail(page: &Page<'_>, code: &str) -> Result<()> {
    let verdict = check(page).await?;
    ensure!(verdict.code.as_deref() == Some(code), "not {code}: {verdict:?}");
    for part in ["means", "try"] {
        let words = text("en", &format!("/code/{code}/{part}"))?;
        ensure!(verdict.text.contains(&words), "{code} does not say {words:?}: {verdict:?}");
    }
    Ok(())
}
