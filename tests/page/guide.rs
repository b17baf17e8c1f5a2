//! The guide for whoever has a link, and for whoever has none; with scripts and without.

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    browser::{Browser, Page, Visitor},
    places::made,
};
use serde_json::Value;

use super::{KEY, keyed, must_be_silent, text};
use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against! { edge Object:
        with_a_key_everything_is_filled_in_and_can_be_copied
        without_a_key_it_asks_for_one
        what_is_no_key_of_this_relay_is_told_and_not_used
        without_a_mouse_everything_can_be_reached
        without_scripts_it_is_a_guide_and_promises_nothing_more
    }
}

async fn with_a_key_everything_is_filled_in_and_can_be_copied(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor::default()).await?;
    let fragment = format!("#{KEY}&addr=192.0.2.7&sibling=*.relay.example&ports=8443,2053&ways=ports,cut");
    let link = format!("http://{}/{fragment}", bench.address());
    page.open(bench.address(), &format!("/{fragment}")).await?;
    ensure!(page.one("#link").await?.text == link, "{:?}", page.one("#link").await?);

    page.click("#show-qr").await?;
    page.wait("#link-qr svg").await?;
    ensure!(page.code("#link-qr").await? == link, "the code is another");
    page.prefer("dark").await?;
    ensure!(page.code("#link-qr").await? == link, "no camera reads it in the dark");

    let copied = copy_everything(&page).await?;
    ensure!(copied.contains(&link), "the link cannot be copied: {copied:#?}");
    let library = format!("ws://{}/{KEY}/ws/chat", bench.address());
    ensure!(copied.iter().any(|text| text.contains(&library)), "no library's URL: {copied:#?}");
    must_be_silent(&page, bench.address()).await.map(drop)
}

/// Presses every button that copies, and finds in the clipboard what it stands behind.
async fn copy_everything(page: &Page<'_>) -> Result<Vec<String>> {
    let mut copied = Vec::new();
    for (index, _) in page.all(".copy").await?.into_iter().enumerate().filter(|(_, button)| button.visible) {
        let pressed = format!(".copy >> nth={index}");
        let source = format!("{pressed} >> xpath=preceding-sibling::*[1]");
        page.click(&pressed).await?;
        let pasted = page.clipboard().await?;
        ensure!(pasted.trim() == page.one(&source).await?.text, "{source} is copied as {pasted:?}");
        copied.push(pasted);
    }
    let announced = format!("[role=status]:has-text({:?})", text("en", "/copy/done")?);
    page.wait(&announced).await.context("a screen reader hears nothing")?;
    Ok(copied)
}

async fn without_a_key_it_asks_for_one(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let at = bench.address();
    let link = format!("http://{at}/#{KEY}");
    // As it comes out of chats, address bars and programs: what the program reads. Only hosts with names go without a scheme.
    let examples: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(made("src/native/link/examples.json")?)?)?;
    let filled = |text: &Value| {
        let text = text.as_str().unwrap_or_default().replace("SCHEME", "http").replace("SOCKET", "ws");
        text.replace("HOST", &at.to_string()).replace("KEY", KEY)
    };
    let examples = examples.iter().filter(|row| row["named"].is_null());
    let examples = examples.map(|row| (filled(&row["said"]), filled(&row["link"])));
    let page = browser.visit(Visitor::default()).await?;
    for (pasted, expected) in [(KEY.to_owned(), link)].into_iter().chain(examples) {
        page.open(bench.address(), "/").await?;
        ensure!(page.one("#key").await?.visible, "it does not ask");
        page.fill("#key", &pasted).await?;
        page.press("#key", "Enter").await?;
        ensure!(page.one("#link").await?.text == expected, "{pasted:?} gives {:?}", page.one("#link").await?);
    }
    must_be_silent(&page, bench.address()).await.map(drop)
}

async fn what_is_no_key_of_this_relay_is_told_and_not_used(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor::default()).await?;
    page.open(bench.address(), "/#0123").await?;
    ensure!(page.one("#broken").await?.visible, "half a link is taken for none");
    let elsewhere = format!("https://relay.example/#{KEY}");
    let twice = format!("{KEY}&sni=none&sni=none");
    let cut = format!("http://{}/#{KEY}…", bench.address());
    let without_scheme = elsewhere.trim_start_matches("https://");
    for (pasted, place) in [
        ("0123", "/relay/bad"),
        (twice.as_str(), "/relay/bad"),
        (cut.as_str(), "/relay/bad"),
        (without_scheme, "/relay/other"),
        (elsewhere.as_str(), "/relay/other"),
    ] {
        page.fill("#key", pasted).await?;
        page.press("#key", "Enter").await?;
        let told = page.one("#key-wrong").await?;
        ensure!(told.visible && told.text.contains(&text("en", place)?), "{pasted} gives {told:?}");
        ensure!(!page.one("#link").await?.visible, "{pasted} is used");
    }
    let there = page.one("#key-wrong a").await?;
    ensure!(there.attributes.get("href").is_some_and(|href| *href == elsewhere), "{there:?}");
    must_be_silent(&page, bench.address()).await.map(drop)
}

async fn without_a_mouse_everything_can_be_reached(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor { width: 320, ..Visitor::default() }).await?;
    page.open(bench.address(), &format!("/#{KEY}")).await?;
    let (mut reached, mut from) = (Vec::new(), "body");
    // One Tab after the other until the focus leaves the page again.
    while reached.len() < 100 {
        page.press(from, "Tab").await?;
        from = ":focus";
        let Some(focused) = page.all(":focus").await?.pop() else { break };
        ensure!(focused.visible, "the focus is lost on {focused:?}");
        reached.push(focused);
    }
    for id in ["show-qr", "change", "check"] {
        let there = reached.iter().any(|it| it.attributes.get("id").is_some_and(|own| own == id));
        ensure!(there, "nobody gets to {id}: {reached:#?}");
    }
    let buttons = reached.iter().filter(|it| it.attributes.get("class").is_some_and(|class| class == "copy")).count();
    let visible = page.all(".copy").await?.iter().filter(|it| it.visible).count();
    ensure!(buttons == visible, "{buttons} of {visible} buttons are reached");
    must_be_silent(&page, bench.address()).await.map(drop)
}

async fn without_scripts_it_is_a_guide_and_promises_nothing_more(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor { script: false, ..Visitor::default() }).await?;
    page.open(bench.address(), &format!("/#{KEY}")).await?;
    for door in ["#blocked", "#library", "#help"] {
        let door = page.one(door).await?;
        ensure!(door.visible && door.text.len() > 200, "nothing to read: {door:?}");
    }
    for needs_scripts in ["#check", "#key", "#show-qr", ".copy", "#open-app"] {
        let found = page.all(needs_scripts).await?;
        ensure!(found.iter().all(|it| !it.visible), "{needs_scripts} does nothing here: {found:?}");
    }
    page.shot("without-scripts").await?;
    let turkish = page.follow("#languages a[hreflang=tr]").await?;
    ensure!(turkish.contains("lang=tr") && page.one("html").await?.attributes.get("lang").is_some_and(|it| it == "tr"));
    must_be_silent(&page, bench.address()).await.map(drop)
}
