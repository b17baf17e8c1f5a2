//! `cargo xtask test`: every check and test, in stages that can be run alone. CI runs all of them.
//!
//! What the end-to-end tests do is in `tests/`; here their subjects are built.

mod running;
mod relay;
mod phones;
mod android;
mod windows;
mod packages;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{
    build::{self, Form, QUICK, cargo},
    deps, dist, fuzz,
    run::{path_with, step},
    setup, tree,
};

/// A part of `cargo xtask test`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Stage {
    /// rustfmt.
    Fmt,
    /// Licences and sources of dependencies, those that nobody uses, and GitHub's workflows.
    Deps,
    /// clippy for the host and for wasm32, no warnings allowed.
    Clippy,
    /// rustdoc, no warnings allowed.
    Doc,
    /// Unit and property tests on the host, and the native program over real sockets.
    Unit,
    /// Unit tests of the Worker's glue, in Node.js.
    Wasm,
    /// The real clients through the real Worker.
    E2e,
    /// The deployable folder and `wrangler`, without Rust.
    Dist,
    /// The static program, in an empty root folder; with --soak for all machines.
    Static,
    /// The Android app; only if it is named.
    Android,
    /// The program for Windows, under Wine; only if it is named.
    Windows,
    /// Packages for Linux and OpenWrt, looked at by those systems' tools; only if it is named.
    Packages,
}

pub(crate) struct Options {
    pub(crate) soak: bool,
    pub(crate) filter: Option<String>,
}

/// Runs the given stages, or all but those that want to be named.
pub(crate) fn run(stages: &[Stage], options: &Options) -> Result<()> {
    let wanted = |stage| stages.is_empty() || stages.contains(&stage);
    by_themselves(stages, options)?;
    if !stages.is_empty() && stages.iter().all(|stage| BY_THEMSELVES.contains(stage)) {
        return Ok(());
    }
    // Before anything else: what embeds it would be built twice.
    let tools = build::page()?;
    if wanted(Stage::Clippy) {
        clippy(&tools)?;
        deps::oldest_compiler()?;
    }
    if wanted(Stage::Doc) {
        let doc = ["doc", "--workspace", "--no-deps", "--document-private-items"];
        step("doc", || crate::run::run(cargo().args(doc).env("RUSTDOCFLAGS", "-Dwarnings")))?;
    }
    if wanted(Stage::Unit) {
        let tests = |what: &[&str]| {
            let mut test = cargo();
            test.arg("test").args(what).env("PASARELA_FUZZ_SECONDS", "20");
            if options.soak {
                test.env("PASARELA_SOAK", "1");
            }
            crate::run::run(&mut test)
        };
        // The lab holds the official proxy beside ours.
        step("find haproxy", || setup::peers::place("haproxy"))?;
        step("unit tests, of which fuzzing takes 20 s", || tests(&["--workspace", "--exclude", "pasarela-e2e"]))?;
        step("tests of the native program, over real sockets", || {
            tests(&["--package", "pasarela-e2e", "--test", "native"])
        })?;
        if options.soak {
            fuzz::run(&[], fuzz::SOAK)?;
            deps::miri()?;
        }
    }
    if wanted(Stage::Wasm) {
        step("unit tests of the Worker, in Node.js", || {
            crate::run::run(tools.testing_cargo()?.args(["test", "--lib", "--package", "pasarela-edge"]).args(WASM))
        })?;
    }
    if wanted(Stage::E2e) || wanted(Stage::Dist) {
        build::edge_with(&tools, Form::Real)?;
    }
    if wanted(Stage::E2e) {
        build::edge_with(&tools, Form::Instrumented)?;
        end_to_end(options)?;
    }
    if wanted(Stage::Dist) {
        deployable()?;
    }
    if wanted(Stage::Static) {
        dist::native(options.soak)?;
        phones::at_bridges(options.soak)?;
    }
    Ok(())
}

/// They need nothing that the others need; the last three run only if they are named.
const BY_THEMSELVES: [Stage; 5] = [Stage::Fmt, Stage::Deps, Stage::Android, Stage::Windows, Stage::Packages];

fn by_themselves(stages: &[Stage], options: &Options) -> Result<()> {
    let wanted = |stage| stages.is_empty() || stages.contains(&stage);
    if wanted(Stage::Fmt) {
        step("fmt", || crate::run::run(cargo().args(["fmt", "--all", "--check"])))?;
    }
    if wanted(Stage::Deps) {
        deps::check()?;
    }
    if stages.contains(&Stage::Android) {
        android::run_all()?;
    }
    if stages.contains(&Stage::Windows) {
        windows::run_all(options.soak)?;
    }
    if stages.contains(&Stage::Packages) {
        packages::run_all()?;
    }
    Ok(())
}

/// A profile of its own, whose folder sees only the compiler that knows wasm32.
const WASM: [&str; 4] = ["--target", "wasm32-unknown-unknown", "--profile", QUICK];

fn clippy(tools: &setup::Tools) -> Result<()> {
    let strict = ["--", "--deny", "warnings"];
    step("clippy, host", || crate::run::run(cargo().args(["clippy", "--workspace", "--all-targets"]).args(strict)))?;
    step("clippy, wasm32", || {
        // The page's tests run on the host, and a baseline has none.
        let all = [
            &["--package", "pasarela-edge", "--tests"][..],
            &["--package", "pasarela-edge", "--features", "instrumented"],
            &["--package", "pasarela-browser"],
            &["--package", "naive-rust"],
        ];
        for what in all {
            crate::run::run(tools.cargo()?.args(["clippy", "--lib"]).args(what).args(WASM).args(strict))?;
        }
        Ok(())
    })?;
    windows::clippy()
}

fn end_to_end(options: &Options) -> Result<()> {
    clients()?;
    step("the hello of a browser (BoringSSL is compiled the first time)", || {
        let hellos = ["--package", "pasarela-e2e", "--features", "browser-hello", "--test", "hellos"];
        for (what, more) in [("clippy", &["--package", "pasarela", "--", "--deny", "warnings"][..]), ("test", &[])] {
            let mut command = cargo();
            setup::boring::set(&mut command)?;
            crate::run::run(command.arg(what).args(hellos).args(more))?;
        }
        Ok(())
    })?;
    step("end-to-end tests", || {
        let mut test = cargo();
        test.args(["test", "--package", "pasarela-e2e", "--test", "tests", "--"]).args(&options.filter);
        // They wait most of the time.
        let threads = 2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        test.arg(format!("--test-threads={threads}"));
        if options.soak {
            test.env("PASARELA_SOAK", "1");
        }
        crate::run::run(&mut test)
    })
}

/// The drivers of the clients that are not scripts, and the official proxy, into target/clients.
fn clients() -> Result<()> {
    let folder = tree::root().join("target/clients");
    std::fs::create_dir_all(&folder)?;
    let go = setup::go()?;
    for (what, name) in [("the driver of whatsmeow", "whatsmeow"), ("a server with encrypted hellos", "ech-server")] {
        step(&format!("build {what}"), || {
            let source = tree::root().join("tests/clients").join(name);
            let mut build = Command::new(&go);
            build.args(["build", "-o"]).arg(folder.join(name)).arg(".").env("CGO_ENABLED", "0").current_dir(source);
            crate::run::run(&mut build)
        })?;
    }
    for name in setup::peers::FOR_TESTS {
        step(&format!("find {name}"), || setup::peers::place(name))?;
    }
    step("find Chromium", || setup::browser::chromium()?.place(&folder.join("chromium")))?;
    step("build the driver of whatsapp-rust (some minutes the first time)", || {
        // Outside the tree: it is large, has a lock of its own and hardly ever changes.
        let target = tree::cache()?.join("whatsapp-rust");
        let source = tree::root().join("tests/clients/whatsapp-rust");
        crate::run::run(
            Command::new("cargo").args(["build", "--locked"]).env("CARGO_TARGET_DIR", &target).current_dir(source),
        )?;
        let built = target.join("debug/whatsapp-rust-driver");
        std::fs::copy(&built, folder.join("whatsapp-rust")).with_context(|| format!("no {}", built.display()))?;
        Ok(())
    })
}

/// A volunteer's machine has Node.js and no Rust: wrangler must take the folder as it is. With Rust it builds first.
fn deployable() -> Result<()> {
    let folder = dist::edge::make()?;
    step("wrangler deploy --dry-run, without cargo and with nothing around", || {
        // Elsewhere: a program that looks in the folders above must not find ours.
        let alone = std::env::temp_dir().join(format!("pasarela-edge-{}", std::process::id()));
        crate::run::run(Command::new("cp").arg("-R").arg(&folder).arg(&alone))?;
        let clean = without_cargo(&tree::root().join("node_modules/.bin"))?;
        let result = crate::run::run(wrangler(&alone.join("dry-run")).env("PATH", clean).current_dir(&alone));
        std::fs::remove_dir_all(&alone)?;
        result
    })?;
    step("wrangler deploy --dry-run, building first", || {
        crate::run::run(wrangler(&tree::root().join("target/dry-run")).arg("--env=").current_dir(tree::root()))
    })
}

fn wrangler(output: &Path) -> Command {
    let mut wrangler = Command::new(setup::node());
    wrangler.arg(tree::root().join("node_modules/.bin/wrangler")).args(["deploy", "--dry-run", "--outdir"]).arg(output);
    wrangler.envs([("CI", "1"), ("WRANGLER_SEND_METRICS", "false")]);
    wrangler
}

fn without_cargo(bin: &Path) -> Result<std::ffi::OsString> {
    let path = path_with(&[bin])?;
    let clean: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| !folder.join("cargo").exists()).collect();
    Ok(std::env::join_paths(clean)?)
}
