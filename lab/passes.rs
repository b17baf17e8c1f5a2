//! What must be reached behind which censor, with real packets: the part of the lab's table that a test holds.

#![cfg(target_os = "linux")]

use std::path::Path;

use anyhow::{Context, Result, ensure};
use pasarela_lab::{
    experiment::{Experiment, Outcome},
    phone::System,
    table::run_all,
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

/// With 100 ms a round trip it is found in ten seconds; machines are busy.
const SECONDS: f64 = 20.0;

fn experiment(behaviour: &str, system: System) -> Experiment {
    Experiment { behaviour: behaviour.to_owned(), line: "good".to_owned(), system, whole: false, seed: 1 }
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pasarela-lab"))
}

fn all(experiments: Vec<Experiment>) -> Result<Vec<Outcome>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_all(program(), experiments))
}

#[test]
fn a_way_is_found_wherever_there_is_one() -> Result<()> {
    let of = |system| PASSED.iter().map(move |behaviour| experiment(behaviour, system));
    // There a name or a port more is needed.
    let more = ["port-443-shut", "port-443-reset"].map(|behaviour| experiment(behaviour, System::Ours));
    let experiments = of(System::Ours).chain(of(System::Bare)).chain(more).collect();
    for Outcome { experiment, got, hellos, .. } in all(experiments)? {
        let Experiment { behaviour, system, .. } = experiment;
        let what = format!("{behaviour}, {system:?}");
        let connected = got.connected.with_context(|| format!("{what}: never connected"))?;
        ensure!(connected < SECONDS, "{what}: connected in {connected} s");
        let again = got.again.with_context(|| format!("{what}: the next phone was not"))?;
        ensure!(again < connected.max(2.0) && again < SECONDS, "{what}: the next phone in {again} s");
        ensure!(got.slowest_message.is_some() && got.small_file.is_some(), "{what}: {got:?}");
        ensure!(behaviour != "none" || hellos <= 6, "{what}: {hellos} hellos for five connections and one ahead");
    }
    Ok(())
}

/// Otherwise the censors above would be none.
#[test]
fn the_plain_way_alone_is_stopped() -> Result<()> {
    let stopped = ["sni-reset-records", "sni-drop-iran", "port-443-shut", "name-dropped"];
    let outcomes = all(stopped.iter().map(|behaviour| experiment(behaviour, System::Plain)).collect())?;
    for Outcome { experiment, got, touched, .. } in outcomes {
        ensure!(got.connected.is_none() && touched > 0, "{}: {got:?}, {touched}", experiment.behaviour);
    }
    Ok(())
}
