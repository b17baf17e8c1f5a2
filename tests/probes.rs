//! What somebody without a key sees: the same answer wherever he looks.

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    http::{self, UPGRADE},
    socket::Socket,
    workerd::Options,
};

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_both! {
        random_paths_wrong_keys_and_wrong_routes_answer_the_same,
        the_right_key_opens_every_route,
        every_key_that_is_set_carries_a_stream,
        without_a_key_the_relay_is_closed_and_its_page_tells_the_operator,
        the_operators_own_site_stands_in_front_and_the_guide_only_behind_the_key,
    }
}

const KEY: &str = "0123456789abcdefghij";

fn keyed(options: Options) -> Options {
    options.var("OPEN", "0").var("RELAY_KEYS", &format!("ana=aaaaaaaaaaaaaaaaaaaa bo={KEY}"))
}

async fn random_paths_wrong_keys_and_wrong_routes_answer_the_same(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, keyed).await?;
    let targets = [
        "/anything".to_owned(),
        "/ws/chat".to_owned(),
        "/pipe/chat".to_owned(),
        "/tunnel".to_owned(),
        "/0/tunnel".to_owned(),
        "/status.json".to_owned(),
        "/0123456789abcdefghiX/check.js".to_owned(),
        "/0123456789abcdefghiX/ws/chat".to_owned(),
        "/0123456789abcdefghiX/".to_owned(),
        format!("/{KEY}"),
        format!("/{KEY}/nowhere"),
        format!("/{KEY}/ws/chat/"),
        format!("/{KEY}/pipe"),
    ];
    let plain: &[(&str, &str)] = &[];
    let methods = ["GET", "HEAD", "POST", "PUT", "OPTIONS"].map(|method| (method, plain));
    for (method, headers) in methods.into_iter().chain([("GET", &UPGRADE[..])]) {
        let mut expected = None;
        for target in &targets {
            let answer = http::request(bench.address(), method, target, headers).await?.without_date();
            ensure!(answer.status() == 404, "{method} {target}: {answer:?}");
            let expected = expected.get_or_insert_with(|| answer.clone());
            ensure!(*expected == answer, "{method} {target}:\n{answer:#?}\nis not\n{expected:#?}");
        }
    }
    bench.must_be_closed_to_strangers().await
}

async fn the_right_key_opens_every_route(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, keyed).await?;
    let relay = bench.address();
    let get = async |rest: &str| http::request(relay, "GET", &format!("/{KEY}{rest}"), &[]).await;
    let guide = get("/").await?;
    ensure!(guide.status() == 200 && guide.body.contains("data-relay=\"ready\""), "{guide:?}");
    ensure!(guide.head.to_ascii_lowercase().contains("referrer-policy: no-referrer"), "the key would leak");
    let head = http::request(relay, "HEAD", &format!("/{KEY}/?lang=fa"), &[]).await?;
    ensure!(head.status() == 200 && head.body.is_empty(), "{head:?}");
    let persian = http::request(relay, "GET", &format!("/{KEY}/"), &[("Accept-Language", "fa-IR, en;q=0.5")]).await?;
    ensure!(persian.body.contains("<html lang=\"fa\" dir=\"rtl\""), "{persian:?}");
    // The check is embedded, or the page does not speak of it.
    for file in ["/check.js", "/check.wasm"] {
        let status = if guide.body.contains(" data-check=\"yes\"") { 200 } else { 404 };
        ensure!(get_head(relay, &format!("/{KEY}{file}")).await?.status() == status, "{file}");
        ensure!(get_head(relay, file).await?.status() == status, "{file} beside the page at the root");
    }
    ensure!(get("/status.json").await?.status() == 200);
    let without_upgrade = get("/pipe/chat").await?;
    ensure!(without_upgrade.status() == 426, "{without_upgrade:?}");
    Ok(())
}

async fn get_head(relay: std::net::SocketAddr, target: &str) -> Result<http::Response> {
    http::request(relay, "HEAD", target, &[]).await
}

async fn every_key_that_is_set_carries_a_stream(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, keyed).await?;
    for key in [KEY, "aaaaaaaaaaaaaaaaaaaa"] {
        let url = bench.url_of(&format!("/{key}/pipe/chat"));
        pasarela_e2e::handshake::through(&url, bench.sim.root_key()).await?;
    }
    Ok(())
}

async fn without_a_key_the_relay_is_closed_and_its_page_tells_the_operator(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, |options| options.var("OPEN", "0")).await?;
    let guide = http::request(bench.address(), "GET", "/", &[]).await?;
    ensure!(guide.status() == 200 && guide.body.contains("data-relay=\"closed\""));
    bench.must_be_closed_to_strangers().await
}

async fn the_operators_own_site_stands_in_front_and_the_guide_only_behind_the_key(kind: Kind) -> Result<()> {
    let own = |options| Options { site: Some("a shop for bicycles"), ..keyed(options).var("SITE", "own") };
    let bench = Bench::with(kind, own).await?;
    let relay = bench.address();
    for target in ["/", "/bicycles", "/0123456789abcdefghiX/ws/chat", "/check.js", "/check.wasm"] {
        for headers in [&[][..], &UPGRADE] {
            let answer = http::request(relay, "GET", target, headers).await?;
            ensure!(answer.body.contains("bicycles"), "{target}: {answer:?}");
        }
    }
    let guide = http::request(relay, "GET", &format!("/{KEY}/"), &[]).await?;
    ensure!(guide.body.contains("data-relay=\"ready\""));
    pasarela_e2e::handshake::through(&bench.url_of(&format!("/{KEY}/pipe/chat")), bench.sim.root_key()).await
}

impl Bench {
    /// No relay route exists without a key.
    async fn must_be_closed_to_strangers(&self) -> Result<()> {
        for path in ["/ws/chat", "/pipe/chat", "/pipe/tls", "/tunnel"] {
            let refused = Socket::connect(&self.url_of(path)).await.err().context("the relay is open")?;
            ensure!(format!("{refused:#}").contains("404"), "{refused:#}");
        }
        Ok(())
    }
}
