//! The page's check without the page: each of its words, and that it leaves nothing behind.
//!
//! What a browser makes of it is `page.rs`'s.

use std::{net::Ipv4Addr, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{places, workerd::Options};
use pasarela_sim::{Delivery, Sim, SimConfig};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
    task::JoinSet,
    time::timeout,
};

use crate::{
    common::hex,
    relays::{Bench, Kind},
};

mod under {
    crate::relays::against_both! {
        every_stage_is_told_and_whatsapp_proven_however_its_answer_arrives,
        what_goes_wrong_behind_the_relay_has_its_word,
        a_wrong_clock_is_told_from_certificates_that_are_over,
        what_fails_for_libraries_only_is_a_remark_unless_it_is_a_forgery,
        what_is_too_large_for_a_bad_line_is_told_and_asked_for_again,
        an_aborted_check_says_nothing_and_leaves_nothing,
    }
}

const YEAR: i64 = 365 * 86_400;

/// What a check says that is asked of this relay with these options, on top of the simulator's root.
async fn check(bench: &Bench, options: Value) -> Result<Value> {
    let mut all = json!({ "root": hex(bench.sim.root_key()) });
    let given = options.as_object().cloned().unwrap_or_default();
    all.as_object_mut().context("no object")?.extend(given);
    check_at(&format!("http://{}", bench.address()), &all).await
}

async fn check_at(origin: &str, options: &Value) -> Result<Value> {
    places::made("target/page/check.js")?;
    let mut command = Command::new(places::made("node_modules/.bin/node")?);
    // The script is a module by its `import`; it has no package.json to say so.
    command.arg("--disable-warning=MODULE_TYPELESS_PACKAGE_JSON");
    command.arg(places::made("tests/clients/page/check.mjs")?).arg(origin).arg(options.to_string());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(60), command.output()).await.context("the check does not end")??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "the check failed by itself: {said}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// It failed there, with this word.
fn must_fail(said: &Value, stage: &str, code: &str) -> Result<()> {
    let right = said["ok"] == false && said["stage"] == stage && said["code"] == code;
    ensure!(right && said["ms"].is_null(), "not {code} at {stage}: {said:#}");
    let last = said["stages"].as_array().and_then(|stages| stages.last());
    ensure!(last == Some(&json!(format!("{stage} failed"))), "{said:#}");
    Ok(())
}

fn nowhere(options: Options) -> Options {
    options.var("UPSTREAM_CHAT", "127.0.0.1:1").var("UPSTREAM_WEB", "http://127.0.0.1:1/")
}

async fn every_stage_is_told_and_whatsapp_proven_however_its_answer_arrives(kind: Kind) -> Result<()> {
    let deliveries = [("wss", Delivery::Frame), ("tcp", "bytes:1".parse()?), ("tcp", Delivery::Coalesced)];
    for (mode, delivery) in deliveries {
        let bench = Bench::with_delivery(kind, delivery, |options| options.var("WEB_UPSTREAM", mode)).await?;
        let said = check(&bench, json!({})).await?;
        ensure!(said["ok"] == true && said["code"].is_null() && said["ms"].is_u64(), "{mode}: {said:#}");
        ensure!(said["library"] == json!({ "ok": true, "code": null }), "{mode}: {said:#}");
        let stages = ["relay", "connect", "hello", "proof", "library"];
        let told: Vec<_> = stages.iter().flat_map(|it| [format!("{it} running"), format!("{it} ok")]).collect();
        ensure!(said["stages"] == json!(told), "{said:#}");
        bench.must_be_idle().await?;
    }
    Ok(())
}

async fn what_goes_wrong_behind_the_relay_has_its_word(kind: Kind) -> Result<()> {
    for (delivery, stage, code) in [
        (Delivery::Silent, "hello", "silent"),
        // In the middle of its answer.
        (Delivery::Cut(100), "hello", "upstream"),
    ] {
        let bench = Bench::with_delivery(kind, delivery, |options| options).await?;
        must_fail(&check(&bench, json!({ "timeout": 2000 })).await?, stage, code)?;
        bench.must_be_idle().await?;
    }
    let bench = Bench::with(kind, nowhere).await?;
    let said = check(&bench, json!({})).await?;
    must_fail(&said, "hello", "upstream")?;
    let upstreams = json!({ "chat": false, "web": false, "tls": true });
    ensure!(said["upstreams"] == upstreams && said["heard"] == upstreams, "{said:#}");

    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let to_other = other.local_addr()?.to_string();
    let _web = serve(other, "HTTP/1.1 400 Bad Request\r\n\r\n");
    let bench = Bench::with(kind, |options| options.var("UPSTREAM_CHAT", &to_other)).await?;
    must_fail(&check(&bench, json!({})).await?, "hello", "garbled")?;

    let bench = Bench::start(kind).await?;
    must_fail(&check(&bench, json!({ "root": "" })).await?, "proof", "forged")?;
    must_fail(&check(&bench, json!({ "key": "of-somebody-else" })).await?, "relay", "key")?;
    bench.must_be_idle().await
}

async fn a_wrong_clock_is_told_from_certificates_that_are_over(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    for ahead in [YEAR, -YEAR] {
        let said = check(&bench, json!({ "ahead": ahead })).await?;
        must_fail(&said, "proof", "clock")?;
        let off = said["clockOff"].as_i64().context("it does not say how wrong")?;
        ensure!((off - ahead).abs() < 60, "{said:#}");
        must_fail(&check(&bench, json!({ "ahead": ahead, "relayAhead": ahead })).await?, "proof", "expired")?;
        let said = check(&bench, json!({ "ahead": ahead, "relayAhead": null })).await?;
        must_fail(&said, "proof", "clock")?;
        ensure!(said["clockOff"].is_null(), "nobody told it the time: {said:#}");
    }
    bench.must_be_idle().await
}

async fn what_fails_for_libraries_only_is_a_remark_unless_it_is_a_forgery(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, |options| options.var("UPSTREAM_WEB", "http://127.0.0.1:1/")).await?;
    let said = check(&bench, json!({})).await?;
    ensure!(said["ok"] == true && said["library"] == json!({ "ok": false, "code": "busy" }), "{said:#}");
    ensure!(said["heard"] == json!({ "chat": true, "web": false, "tls": true }), "{said:#}");
    bench.must_be_idle().await?;

    let impostor = Sim::start(SimConfig::default()).await?;
    let astray = format!("http://{}/ws/chat", impostor.web());
    let bench = Bench::with(kind, |options| options.var("UPSTREAM_WEB", &astray)).await?;
    must_fail(&check(&bench, json!({})).await?, "library", "forged")?;
    bench.must_be_idle().await
}

async fn what_is_too_large_for_a_bad_line_is_told_and_asked_for_again(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let said = check(&bench, json!({ "frozen": true, "timeout": 1000 })).await?;
    ensure!(said["ok"] == false && said["stage"] == "connect" && said["code"] == "websocket", "{said:#}");
    ensure!(said["again"]["ok"] == true, "{said:#}");
    bench.must_be_idle().await
}

async fn an_aborted_check_says_nothing_and_leaves_nothing(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    for stage in ["relay", "connect", "hello", "library"] {
        let said = check(&bench, json!({ "abortAt": stage })).await?;
        ensure!(said["rejected"] == "AbortError", "{said:#}");
        bench.must_be_idle().await?;
    }
    Ok(())
}

#[tokio::test]
async fn whatever_answers_in_place_of_a_relay_has_its_word() -> Result<()> {
    let status = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let refusal = |line: &str| format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
    for (answer, stage, code) in [
        // It says so even to an upgrade.
        (status(r#"{"version":"0.1.0"}"#), "connect", "websocket"),
        (status("<!doctype html>"), "relay", "key"),
        (status("null"), "relay", "key"),
        (refusal("404 Not Found"), "relay", "key"),
        (refusal("503 Service Unavailable"), "relay", "busy"),
        (refusal("429 Too Many Requests"), "relay", "busy"),
        (refusal("502 Bad Gateway"), "relay", "offline"),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), "relay", "offline"),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let _server = serve(listener, answer.leak());
        must_fail(&check_at(&origin, &json!({})).await?, stage, code)?;
    }
    Ok(())
}

/// Says the same to everybody who has said something, and ends the connection.
fn serve(listener: TcpListener, answer: &'static str) -> JoinSet<()> {
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let said = tcp.read(&mut [0; 4096]).await;
            if said.is_ok_and(|length| length > 0) {
                // Whoever asked may be gone.
                let _ = tcp.write_all(answer.as_bytes()).await;
            }
        }
    });
    server
}
