//! What must be reached behind which censor, with real packets: the part of the lab's table that a test holds.

#![cfg(target_os = "linux")]

use std::path::Path;

use anyhow::{Context, Result, ensure};
use pasarela_lab::{
    experiment::{Experiment, Outcome},
    speed::{FILE, HISTORY, Speed},
    system::{Cargo, System},
    table::{AT_ONCE, run_all},
};

/// Behind these a way is found, by a link with `sibling=` and `ports=`, and by one with nothing but a name and two addresses.
const PASSED: [&str; 9] = [
    "none",
    "sni-reset-string",
    "sni-reset-reassembly",
    "sni-reset-records",
    "sni-drop-iran",
    "split-hello-drop",
    "address-dropped",
    "address-reset-on-data",
    "name-dropped",
];

/// What programs are told that these do.
const TOLD: [(&str, &str); 5] = [
    ("sni-reset-string", "cut-after-hello"),
    ("sni-reset-records", "cut-after-hello"),
    ("sni-drop-iran", "hello-dropped"),
    ("name-dropped", "hello-dropped"),
    ("port-443-shut", "no-answer"),
];

/// With 100 ms a round trip it is found in ten seconds; machines are busy.
const SECONDS: f64 = 20.0;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pasarela-lab"))
}

fn all(experiments: Vec<Experiment>) -> Result<Vec<Outcome>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_all(program(), experiments, AT_ONCE))
}

#[test]
fn a_way_is_found_wherever_there_is_one() -> Result<()> {
    let of = |system| PASSED.iter().map(move |behaviour| Experiment::of(behaviour, system));
    // There a name or a port more is needed, or it is enough to try one kind of link.
    let more = ["port-443-shut", "port-443-reset", "dns-forged", "dns-silent", "ipv6-dropped", "ipv4-dropped"];
    let more = more.map(|behaviour| Experiment::of(behaviour, System::Ours));
    let listed = Experiment::of("sni-allowlist", System::Allowed);
    let moving = Experiment { line: "moving".to_owned(), ..Experiment::of("none", System::Bare) };
    let experiments = of(System::Ours).chain(of(System::Bare)).chain(more).chain([listed, moving]).collect();
    for Outcome { experiment, got, hellos, .. } in all(experiments)? {
        let Experiment { behaviour, system, line, .. } = experiment;
        let what = format!("{behaviour}, {line}, {system:?}");
        let connected = got.connected.with_context(|| format!("{what}: never connected"))?;
        ensure!(connected < SECONDS, "{what}: connected in {connected} s");
        let again = got.again.with_context(|| format!("{what}: the next phone was not"))?;
        ensure!(again < connected.max(2.0) && again < SECONDS, "{what}: the next phone in {again} s");
        ensure!(got.slowest_message.is_some() && got.small_file.is_some(), "{what}: {got:?}");
        // What has moved needs others.
        let free = behaviour == "none" && line == "good";
        ensure!(!free || hellos <= 6, "{what}: {hellos} hellos for five connections and one ahead");
        let met = got.says.as_ref().and_then(|says| says.split(':').next());
        let told = TOLD.iter().find(|(told, _)| *told == behaviour).map(|(_, met)| *met);
        ensure!(told.is_none() || told == met, "{what}: told {met:?}");
    }
    Ok(())
}

/// And no faster: then it would be no line. With one round trip ahead, the next phone waits for one.
#[test]
fn an_ordinary_line_is_used_as_far_as_it_goes() -> Result<()> {
    let line = || "20ms-0%-20mbit".to_owned();
    let of = |cargo| Experiment { line: line(), speed: Some(cargo), ..Experiment::of("none", System::Ours) };
    for Outcome { experiment, speed, .. } in all(vec![of(Cargo::Chat), of(Cargo::Media)])? {
        let Speed { first, next, down, up, recovered } = &speed;
        let (bytes, only_chat) = match experiment.speed {
            Some(Cargo::Media) => (FILE, [None; 3]),
            _ => (HISTORY, [*first, *next, *recovered].map(|seconds| Some(seconds.unwrap_or(f64::INFINITY)))),
        };
        let least = bytes as f64 * 8.0 / 20e6;
        for seconds in [*down, *up] {
            let seconds = seconds.with_context(|| format!("in vain: {speed:?}"))?;
            ensure!((least..least + 10.0).contains(&seconds), "{speed:?}");
        }
        let limits = [0.06..10.0, 0.02..10.0, 0.02..20.0];
        let held = only_chat.iter().zip(&limits).all(|(seconds, limit)| seconds.is_none_or(|it| limit.contains(&it)));
        ensure!(held, "{speed:?}");
    }
    Ok(())
}

/// Otherwise the censors above would be none. In the same run, for most of it is waiting: how it is with the official proxy, whose
/// chat nobody sees, and whose media name WhatsApp.
#[test]
fn the_plain_way_alone_is_stopped_and_so_is_what_names_whatsapp() -> Result<()> {
    let stopped = ["sni-reset-records", "sni-drop-iran", "port-443-shut", "name-dropped"];
    let plain = stopped.iter().map(|behaviour| Experiment::of(behaviour, System::Plain));
    let official =
        ["none", "name-dropped", "port-443-shut"].map(|behaviour| Experiment::of(behaviour, System::Haproxy));
    for Outcome { experiment, got, touched, trouble, .. } in all(plain.chain(official).collect())? {
        let Experiment { behaviour, system, .. } = experiment;
        let had = (got.connected.is_some(), got.slowest_message.is_some(), got.small_file.is_some());
        let wanted = match (system, behaviour.as_str()) {
            (System::Haproxy, "none") => (true, true, true),
            (System::Haproxy, "name-dropped") => (true, true, false),
            _ => (false, false, false),
        };
        ensure!(had == wanted, "{behaviour}, {system:?}: {got:?}, {trouble:?}");
        ensure!(behaviour == "none" || touched > 0, "{behaviour}, {system:?}: nobody was in the way");
    }
    Ok(())
}
