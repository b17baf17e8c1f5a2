//! `cargo xtask bench`: what Pasarela costs beside baselines and peers, in one run.
//!
//! Sets up and builds what is wanted; the measuring itself is `pasarela-bench` in `bench/`, and that of single functions
//! `micro`. Peers that cannot be had are written down for the report.

mod micro;

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::{
    build, dist,
    run::{output, print_times, run as execute, step},
    setup::{self, peers},
    tree,
};

// The command's help text, under which these stand, is in `main`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// edge, native or all, and what to measure of it: download, upload, echo, setup, idle, stall, messages, size, scale;
    /// everything if nothing is named. Or micro: instructions of the core's hot functions, beside the last release's
    #[arg(value_parser = WORDS, hide_possible_values = true)]
    what: Vec<String>,
    /// Only this peer beside ours; may be repeated: direct, tuned, naive, naive-rust, floor, haproxy, nginx, penguin,
    /// websocat, v2ray-plugin, chisel, xray
    #[arg(long, value_name = "NAME", value_parser = PEERS, hide_possible_values = true)]
    peer: Vec<String>,
    /// One short round of everything, for trying out: not to be quoted
    #[arg(long)]
    quick: bool,
    /// Rounds, in each of which everybody has a turn; 3 if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    rounds: Option<u8>,
    /// With micro: keep its figures as the release's
    #[arg(long)]
    keep: bool,
}

/// What `what` may be; all but the last is for `pasarela-bench`.
const WORDS: [&str; 13] = [
    "edge", "native", "all", "download", "upload", "echo", "setup", "idle", "stall", "messages", "size", "scale",
    "micro",
];

/// What `peer` may be.
const PEERS: [&str; 12] = [
    "direct",
    "tuned",
    "naive",
    "naive-rust",
    "floor",
    "haproxy",
    "nginx",
    "penguin",
    "websocat",
    "v2ray-plugin",
    "chisel",
    "xray",
];

/// Subjects that are the native program's alone.
const NATIVE: [&str; 2] = ["size", "scale"];

/// The subject that is the Worker's alone.
const EDGE: &str = "messages";

/// Builds, then becomes the measuring program with these arguments.
pub(crate) fn run(args: &Args, start: Instant) -> Result<()> {
    let named = |word: &str| args.what.iter().any(|it| it == word);
    if named("micro") {
        ensure!(args.what.len() == 1, "micro measures nothing else: name it alone");
        return micro::run(args.keep);
    }
    ensure!(!args.keep, "--keep is for micro");
    let areas = named("edge") || named("native");
    let subjects: Vec<_> =
        args.what.iter().map(String::as_str).filter(|it| !["edge", "native", "all"].contains(it)).collect();
    let only = |own: &dyn Fn(&str) -> bool| !subjects.is_empty() && subjects.iter().all(|it| own(it));
    let edge = (!areas || named("edge") || named("all")) && !only(&|it| NATIVE.contains(&it));
    let native = (!areas || named("native") || named("all")) && !only(&|it| it == EDGE);
    ensure!(
        edge || native,
        "nothing to measure: {} is the other one's, of edge and native; leave that word out",
        subjects.join(" and ")
    );
    let mut found = Found::default();
    if edge {
        let tools = build::edge(build::Form::Real)?;
        found.version("workerd", &tree::pinned("workerd")?);
        if is_wanted(&args.peer, "naive-rust") {
            naive_rust(&tools)?;
        }
    }
    if native {
        dist::native(false)?;
        place_peers(&args.peer, &mut found)?;
    }
    found.write()?;
    let mut command = Command::new(measure()?);
    command.args(&args.what);
    for peer in &args.peer {
        command.args(["--peer", peer]);
    }
    if args.quick {
        command.arg("--quick");
    }
    if let Some(rounds) = args.rounds {
        command.args(["--rounds", &rounds.to_string()]);
    }
    print_times(start);
    Err(command.exec()).context("cannot start pasarela-bench")
}

/// Whether this peer is among those named, or none is.
fn is_wanted(peers: &[String], name: &str) -> bool {
    peers.is_empty() || peers.iter().any(|peer| peer == name)
}

/// The measuring program, optimised: it shares the machine with what it measures.
fn measure() -> Result<PathBuf> {
    let name = "pasarela-bench";
    let arguments = ["build", "--package", name, "--profile", "dist"];
    step(&format!("build {name}, optimised"), || execute(build::cargo().args(arguments)))?;
    Ok(tree::root().join("target/dist").join(name))
}

/// The Worker in Rust that ours is compared with, by the same tools and flags.
fn naive_rust(tools: &setup::Tools) -> Result<()> {
    let source = tree::root().join("bench/workers/naive-rust");
    step("build the naive Worker in Rust", || {
        // It builds into a folder of the crate's; a path out of it is one from there.
        let arguments = ["--release", "--out-dir", "../../../target/bench/naive-rust"];
        execute(tools.worker_build()?.current_dir(&source).args(arguments))
    })
}

/// Which peers there are, in which version, and which there are not.
#[derive(Default)]
struct Found {
    versions: Map<String, Value>,
    missing: Map<String, Value>,
}

impl Found {
    fn version(&mut self, name: &str, version: &str) {
        self.versions.insert(name.to_owned(), version.into());
    }

    /// For `pasarela-bench`.
    fn write(&self) -> Result<()> {
        let folder = tree::root().join("target/bench");
        fs::create_dir_all(&folder)?;
        let text = json!({ "versions": self.versions, "missing": self.missing }).to_string();
        Ok(fs::write(folder.join("peers.json"), text)?)
    }
}

/// Puts the peers where `pasarela-bench` looks for them. One that cannot be had is no reason to measure nothing.
fn place_peers(wanted: &[String], found: &mut Found) -> Result<()> {
    let folder = tree::root().join("target/clients");
    fs::create_dir_all(&folder)?;
    for peers::Kind { name, find, version } in peers::ALL {
        if !is_wanted(wanted, name) {
            continue;
        }
        match find().and_then(|peer| placed(&peer, &folder.join(name), version)) {
            Ok(version) => found.version(name, &version),
            Err(error) => {
                eprintln!("    {name} is missing: {error:#}");
                let why = format!("{error:#}");
                found.missing.insert(name.to_owned(), why.lines().next().unwrap_or_default().into());
            }
        }
    }
    Ok(())
}

/// Puts a peer there; returns its version.
fn placed(peer: &peers::Peer, file: &Path, version: peers::Version) -> Result<String> {
    peer.place(file)?;
    Ok(match version {
        peers::Version::Pinned(version) => version.to_owned(),
        peers::Version::Debian(package) => {
            let known =
                output(Command::new("apt-cache").args(["show", "--no-all-versions", package])).unwrap_or_default();
            let version = known.lines().find_map(|line| line.strip_prefix("Version: "));
            version.unwrap_or("of unknown version").to_owned()
        }
        peers::Version::Asked(argument) => {
            // nginx says it on standard error, Go's flags with a failure.
            let said =
                output(Command::new("sh").args(["-c", "exec \"$0\" \"$1\" 2>&1 || true"]).arg(file).arg(argument))?;
            let word = said.split([' ', '/', '\n']).map(|word| word.trim_start_matches('v'));
            let number = |word: &&str| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit());
            word.map(|word| word.trim_end_matches([',', ';'])).find(number).unwrap_or("of unknown version").to_owned()
        }
    })
}
