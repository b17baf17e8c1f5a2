//! What fits the visitor's own device stands first; the rest is there as well. On Android the link opens the app.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    browser::{Browser, Page, Visitor},
    places::{made, root},
};
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use super::{
    KEY, keyed,
    languages::{must_be_usable, must_fit},
    must_be_silent, text,
};
use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against! { edge Object:
        each_device_finds_its_own_part_first_and_open
        a_visitor_opens_what_fits_another_device
        without_scripts_and_for_unknown_devices_every_part_is_open_in_one_order
        on_android_the_link_opens_the_app_and_goes_nowhere_else
        only_on_android_and_with_a_key_it_offers_the_app
        the_door_and_the_button_fit_a_narrow_phone
    }
}

/// The parts in the order in which they stand where nobody knows the device.
const PARTS: [&str; 5] = ["android", "windows", "linux", "iphone", "mac"];

const CHROME: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0";
const ANDROID: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
const WINDOWS: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15";
const FREEBSD: &str = "Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CHROMEBOOK: &str =
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// The parts as they stand, and which of them are open.
async fn parts(page: &Page<'_>) -> Result<(Vec<String>, Vec<String>)> {
    let found = page.all("#devices > details").await?;
    let named = |only: bool| {
        let chosen = found.iter().filter(move |part| !only || part.attributes.contains_key("open"));
        chosen.filter_map(|part| part.attributes.get("id").cloned()).collect()
    };
    Ok((named(false), named(true)))
}

async fn each_device_finds_its_own_part_first_and_open(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    for (agent, own) in [(ANDROID, 0), (WINDOWS, 1), (LINUX, 2), (IPHONE, 3), (MAC, 4)].map(|(it, at)| (it, PARTS[at]))
    {
        let page = browser.visit(Visitor { agent: Some(agent), width: 360, ..Visitor::default() }).await?;
        page.open(bench.address(), &format!("/#{KEY}")).await?;
        let (order, open) = parts(&page).await?;
        let others = PARTS.iter().filter(|part| **part != own);
        ensure!(order.iter().eq([&own].into_iter().chain(others)), "{own}: {order:?}");
        ensure!(open == [own], "{own}: {open:?} are open");
        let said = page.one(&format!("#{own}")).await?.text;
        ensure!(said.contains(&text("en", &format!("/blocked/{own}_text"))?), "{own} says {said:?}");
        // Of what its browser says to every site anyway the page sends nothing a second time.
        let seen = must_be_silent(&page, bench.address()).await?;
        ensure!(seen.requests.len() == 1, "{own}: {seen:#?}");
    }
    Ok(())
}

async fn a_visitor_opens_what_fits_another_device(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor { agent: Some(IPHONE), ..Visitor::default() }).await?;
    page.open(bench.address(), &format!("/#{KEY}")).await?;
    page.click("#windows summary").await?;
    // And with the keyboard.
    page.press("#linux summary", "Enter").await?;
    ensure!(parts(&page).await?.1 == ["iphone", "windows", "linux"], "{:?}", parts(&page).await?);
    ensure!(page.one("#linux pre").await?.text.contains(KEY), "the commands are not filled in");
    page.click("#iphone summary").await?;
    ensure!(parts(&page).await?.1 == ["windows", "linux"], "{:?}", parts(&page).await?);
    must_be_silent(&page, bench.address()).await.map(drop)
}

async fn without_scripts_and_for_unknown_devices_every_part_is_open_in_one_order(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    for (script, agent) in [(false, ANDROID), (false, MAC), (true, FREEBSD)] {
        let page = browser.visit(Visitor { script, agent: Some(agent), ..Visitor::default() }).await?;
        page.open(bench.address(), &format!("/#{KEY}")).await?;
        let (order, open) = parts(&page).await?;
        ensure!(order == PARTS && open == PARTS, "{agent}: {order:?}, open {open:?}");
        for part in PARTS {
            let shown = page.one(&format!("#{part} > p")).await?;
            ensure!(shown.visible && !shown.text.is_empty(), "{agent}: {part} cannot be read");
        }
        must_be_silent(&page, bench.address()).await?;
    }
    Ok(())
}

async fn on_android_the_link_opens_the_app_and_goes_nowhere_else(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    let page = browser.visit(Visitor { agent: Some(ANDROID), width: 360, ..Visitor::default() }).await?;
    let at = bench.address();
    for fragment in [format!("#{KEY}"), format!("#{KEY}&sni=none&ports=8443,2053")] {
        page.open(at, &format!("/{fragment}")).await?;
        let button = page.one("#open-app").await?;
        let expected = format!("pasarela://{at}/{fragment}");
        ensure!(button.visible && button.attributes.get("href") == Some(&expected), "{button:?}");
    }
    page.open(at, &format!("/{KEY}/")).await?;
    let button = page.one("#open-app").await?;
    ensure!(button.attributes.get("href") == Some(&format!("pasarela://{at}/#{KEY}")), "{button:?}");
    let before = must_be_silent(&page, at).await?;

    // Nobody here knows the scheme: nothing happens, no relay hears of it, and the page says what to do.
    page.click("#open-app").await?;
    page.click("#app a[href='#android']").await?;
    let asked = page.seen().await?.requests;
    let (handed, sent): (Vec<_>, Vec<_>) = asked.into_iter().partition(|request| request.url.starts_with("pasarela:"));
    ensure!(sent == before.requests, "{sent:#?}");
    ensure!(handed.iter().all(|it| it.body.is_empty() && it.size == 0), "somebody answers: {handed:#?}");
    ensure!(page.one("#link").await?.text.ends_with(&format!("/#{KEY}")), "the key is lost");
    Ok(())
}

async fn only_on_android_and_with_a_key_it_offers_the_app(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    for (agent, fragment) in [(ANDROID, ""), (WINDOWS, KEY), (IPHONE, KEY), (FREEBSD, KEY)] {
        let page = browser.visit(Visitor { agent: Some(agent), ..Visitor::default() }).await?;
        page.open(bench.address(), &format!("/#{fragment}")).await?;
        ensure!(!page.one("#open-app").await?.visible, "{agent}, {fragment:?}");
    }
    // Pasted, it is offered, too; and a relay that is open to all has no key that the app could take.
    let page = browser.visit(Visitor { agent: Some(ANDROID), ..Visitor::default() }).await?;
    page.open(bench.address(), "/").await?;
    page.fill("#key", KEY).await?;
    page.press("#key", "Enter").await?;
    ensure!(page.one("#open-app").await?.visible, "the app is not offered");
    let open = Bench::start(kind).await?;
    page.open(open.address(), "/").await?;
    ensure!(!page.one("#open-app").await?.visible, "the app would refuse this link");
    Ok(())
}

async fn the_door_and_the_button_fit_a_narrow_phone(kind: Kind) -> Result<()> {
    let (bench, browser) = (Bench::with(kind, keyed).await?, Browser::start()?);
    for (device, agent) in [("android", ANDROID), ("windows", WINDOWS), ("iphone", IPHONE)] {
        for (language, locale) in [("en", "en-GB"), ("fa", "fa-IR"), ("zh", "zh-CN")] {
            let visitor = Visitor { agent: Some(agent), locale, width: 320, ..Visitor::default() };
            let page = browser.visit(visitor).await?;
            page.open(bench.address(), &format!("/#{KEY}")).await?;
            must_fit(&page).await.with_context(|| format!("{device}, {language}"))?;
            for scheme in ["light", "dark"] {
                page.prefer(scheme).await?;
                page.shot_of("#blocked", &format!("{device}-{language}-{scheme}-door")).await?;
                page.shot_of("#relay", &format!("{device}-{language}-{scheme}-relay")).await?;
            }
            must_be_usable(&page).await.with_context(|| format!("{device}, {language}"))?;
        }
    }
    Ok(())
}

/// What browsers say of themselves, and what the page takes them for.
fn browsers() -> Vec<(Value, &'static str)> {
    let of = |agent: &str| json!({ "userAgent": agent });
    let hinted = |agent: &str, platform: &str| json!({ "userAgent": agent, "userAgentData": { "platform": platform } });
    let chrome = |system: &str| format!("Mozilla/5.0 ({system}) {CHROME} Safari/537.36");
    vec![
        (of(ANDROID), "android"),
        (of("Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"), "android"),
        (
            of(
                "Mozilla/5.0 (Linux; U; Android 7.0; fa-ir; SM-G920F) AppleWebKit/534.30 Version/4.0 Mobile Safari/534.30",
            ),
            "android",
        ),
        (of(&chrome("Linux; Android 12; HarmonyOS; ELS-AN00")), "android"),
        (hinted(&chrome("X11; Linux x86_64"), "Android"), "android"),
        (of(WINDOWS), "windows"),
        (of("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"), "windows"),
        (hinted(&chrome("X11; Linux x86_64"), "Windows"), "windows"),
        (of(LINUX), "linux"),
        (of(&chrome("X11; Linux aarch64")), "linux"),
        (hinted(&chrome("X11; Linux x86_64"), "Unknown"), "linux"),
        (of(IPHONE), "iphone"),
        (of("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Version/12.1 Safari/604.1"), "iphone"),
        (json!({ "userAgent": MAC, "maxTouchPoints": 5 }), "iphone"),
        (json!({ "userAgent": MAC, "maxTouchPoints": 0 }), "mac"),
        (hinted(&chrome("Macintosh; Intel Mac OS X 10_15_7"), "macOS"), "mac"),
        (of(CHROMEBOOK), ""),
        (hinted(CHROMEBOOK, "Chrome OS"), ""),
        (
            of(
                "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 Edge/15.15254",
            ),
            "",
        ),
        (of("Mozilla/5.0 (Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5"), ""),
        (of("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 SamsungBrowser/4.0 TV Safari/537.36"), ""),
        (of(FREEBSD), ""),
        (json!({}), ""),
    ]
}

#[tokio::test]
async fn browsers_are_taken_for_what_they_say_and_for_nothing_if_that_fits_nothing() -> Result<()> {
    let (said, expected): (Vec<_>, Vec<_>) = browsers().into_iter().unzip();
    let mut command = Command::new(made("node_modules/.bin/node")?);
    command.arg(made("tests/clients/page/system.mjs")?).arg(Value::from(said.clone()).to_string());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(60), command.output()).await.context("it does not end")??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<String> = serde_json::from_slice(&output.stdout)?;
    ensure!(found.len() == expected.len(), "{found:?}");
    for ((said, expected), found) in said.iter().zip(expected).zip(found) {
        ensure!(found == expected, "{said} is taken for {found:?}, not {expected:?}");
    }
    Ok(())
}

#[test]
fn the_page_calls_what_the_app_says_by_the_apps_own_words() -> Result<()> {
    for language in ["en", "ar", "es", "fa", "pt", "ru", "tr", "zh"] {
        let folder = if language == "en" { "values".to_owned() } else { format!("values-{language}") };
        let file = std::fs::read_to_string(root().join("android/res").join(folder).join("strings.xml"))?;
        let word = |name: &str| {
            let behind = file.split(&format!("<string name=\"{name}\">")).nth(1);
            behind.and_then(|rest| rest.split("</string>").next()).with_context(|| format!("no {name} in {language}"))
        };
        let (android, iphone) = (text(language, "/blocked/android_text")?, text(language, "/blocked/iphone_text")?);
        for (said, words) in [
            (&android, word("start")?.to_owned()),
            (&android, word("set_up")?.to_owned()),
            (&android, text(language, "/check/do")?),
            (&iphone, word("wifi")?.to_owned()),
        ] {
            ensure!(said.contains(&words), "{language} does not say {words:?}: {said}");
        }
    }
    Ok(())
}
