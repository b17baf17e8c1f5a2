//! Every language at both widths, in light and dark: chosen by the browser, switched by the reader, fitting the window and
//! usable by everybody. The pictures are kept in `target/shots`.

use anyhow::{Context, Result, ensure};
use pasarela_e2e::browser::{Browser, Page, Visitor};

use super::{KEY, check, fragment, keyed, must_be_silent, text};
use crate::relays::{Bench, Kind};

/// As the browser names them, and as the page does.
const LATIN: [(&str, &str); 4] = [("en-GB", "en"), ("es-MX", "es"), ("pt-BR", "pt"), ("tr-TR", "tr")];
const OTHER: [(&str, &str); 4] = [("fa-IR", "fa"), ("ar-EG", "ar"), ("ru-RU", "ru"), ("zh-CN", "zh")];

#[tokio::test]
async fn every_language_of_latin_letters_fits_every_window_and_everybody_can_use_it() -> Result<()> {
    must_fit_everybody(&LATIN).await
}

#[tokio::test]
async fn every_language_of_other_letters_fits_every_window_and_everybody_can_use_it() -> Result<()> {
    must_fit_everybody(&OTHER).await
}

async fn must_fit_everybody(languages: &[(&'static str, &str)]) -> Result<()> {
    let (bench, browser) = (Bench::with(Kind::Object, keyed).await?, Browser::start()?);
    for (locale, language) in languages.iter().copied() {
        let page = browser.visit(Visitor { locale, ..Visitor::default() }).await?;
        page.open(bench.address(), &format!("/{}", fragment(&bench))).await?;
        must_speak(&page, language).await?;
        ensure!(check(&page).await?.code.is_none());
        for width in [1280, 320] {
            page.widen(width).await?;
            must_fit(&page).await.with_context(|| format!("{language} at {width} px"))?;
            for scheme in ["light", "dark"] {
                page.prefer(scheme).await?;
                page.shot(&format!("{language}-{width}-{scheme}")).await?;
            }
            must_be_usable(&page).await.with_context(|| format!("{language} at {width} px, dark"))?;
        }
        must_be_silent(&page, bench.address()).await?;
        page.open(bench.address(), &format!("/#{KEY}")).await?;
        ensure!(check(&page).await?.text.contains(&text(language, "/code/forged/means")?), "no {language} words");
        must_fit(&page).await.with_context(|| format!("{language}, failed"))?;
        for scheme in ["dark", "light"] {
            page.prefer(scheme).await?;
            page.shot_of("#relay", &format!("{language}-320-{scheme}-forged")).await?;
            must_be_usable(&page).await.with_context(|| format!("{language}, failed, {scheme}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_reader_switches_languages_and_keeps_the_key() -> Result<()> {
    let (bench, browser) = (Bench::with(Kind::Object, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor { locale: "xx", ..Visitor::default() }).await?;
    page.open(bench.address(), &format!("/{}", fragment(&bench))).await?;
    // Nobody speaks that.
    must_speak(&page, "en").await?;
    let offered = page.all("#languages a[hreflang]").await?.len();
    ensure!(offered == LATIN.len() + OTHER.len(), "{offered} languages, of which not all are tested");
    for (_, language) in OTHER.into_iter().chain(LATIN) {
        let address = page.follow(&format!("#languages a[hreflang={language}]")).await?;
        ensure!(address.contains(&format!("lang={language}")), "not to be shared: {address}");
        ensure!(address.ends_with(&fragment(&bench)), "the key is lost: {address}");
        must_speak(&page, language).await?;
    }
    must_be_silent(&page, bench.address()).await.map(drop)
}

async fn must_speak(page: &Page<'_>, language: &str) -> Result<()> {
    let html = page.one("html").await?.attributes;
    let direction = if ["ar", "fa"].contains(&language) { "rtl" } else { "ltr" };
    let is = |name: &str, value: &str| html.get(name).is_some_and(|it| it == value);
    ensure!(is("lang", language) && is("dir", direction), "not {language}: {html:?}");
    Ok(())
}

/// Nobody scrolls sideways.
pub(super) async fn must_fit(page: &Page<'_>) -> Result<()> {
    let wide = page.sticks_out().await?;
    ensure!(wide.is_empty(), "{wide:#?}");
    Ok(())
}

/// Nothing that keeps people out.
pub(super) async fn must_be_usable(page: &Page<'_>) -> Result<()> {
    let barriers = page.barriers().await?;
    let grave: Vec<_> = barriers.iter().filter(|it| ["serious", "critical"].contains(&it.impact.as_str())).collect();
    ensure!(grave.is_empty(), "{grave:#?}");
    Ok(())
}
