//! `cargo xtask fuzz`: libFuzzer on the targets of `tests/fuzz`, as many at once as there are processors.
//!
//! Stable Rust suffices: the compiler's pass that counts edges is LLVM's own, and only sanitizers would need a nightly one. Our
//! code has no unsafe line for them to watch.

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    build::cargo,
    run::{output, run as execute, step},
    tree,
};

/// So long each target is tried by `cargo xtask test --soak`, in seconds.
pub(crate) const SOAK: u32 = 600;

/// Counts each edge, tells libFuzzer where it is, and what is compared on the way.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                            -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The longest input, in bytes: two records of TLS, or a head with all that fits into it.
const LONGEST: u32 = 8 << 10;

/// What a target came to.
struct Found {
    executions: String,
    edges: String,
}

/// Tries these targets, or all, for so many seconds each. What was found anew stays in target/fuzz and is gone on from.
pub(crate) fn run(wanted: &[String], seconds: u32) -> Result<()> {
    let corpora = tree::root().join("tests/fuzz/corpus");
    let mut targets = Vec::new();
    for entry in fs::read_dir(&corpora)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            targets.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    targets.sort();
    if let Some(unknown) = wanted.iter().find(|wanted| !targets.contains(wanted)) {
        bail!("no target is called {unknown}: there are {}", targets.join(", "));
    }
    targets.retain(|target| wanted.is_empty() || wanted.contains(target));
    let program = step("build the targets, instrumented", program)?;
    let left = Mutex::new(VecDeque::from(targets));
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    step("fuzz", || {
        thread::scope(|scope| {
            let worker = || -> Result<()> {
                while let Some(target) = next() {
                    eprintln!("    {target}: for {seconds} s");
                    let Found { executions, edges } = fuzz(&program, &corpora, &target, seconds)?;
                    eprintln!("    {target}: {executions} executions, {edges} edges");
                }
                Ok(())
            };
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            // All are waited for: none of them runs for longer than it was told.
            let ended: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            ended.into_iter().try_for_each(|ended| ended.unwrap_or_else(|_| bail!("a worker panicked")))
        })
    })
}

/// Instrumented from the standard library up to our code, but for build scripts: they would miss libFuzzer's functions.
fn program() -> Result<std::path::PathBuf> {
    let about = output(Command::new("rustc").arg("-vV"))?;
    let host =
        about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not say for what it builds")?;
    let target = tree::root().join("target/fuzz");
    let build = ["build", "--package", "pasarela-fuzz", "--features", "libfuzzer", "--profile", "fuzz"];
    execute(cargo().args(build).args(["--target", host, "--target-dir"]).arg(&target).env("RUSTFLAGS", INSTRUMENTED))?;
    Ok(target.join(host).join("fuzz/pasarela-fuzz"))
}

fn fuzz(program: &Path, corpora: &Path, target: &str, seconds: u32) -> Result<Found> {
    let folder = tree::root().join("target/fuzz").join(target);
    let found = folder.join("corpus");
    fs::create_dir_all(&found)?;
    let log = folder.join("log");
    let printed = File::create(&log)?;
    let mut fuzzer = Command::new(program);
    fuzzer.args([format!("-max_total_time={seconds}"), format!("-max_len={LONGEST}")]);
    fuzzer.args(["-print_final_stats=1".into(), format!("-artifact_prefix={}/", folder.display())]);
    // What is found anew goes into the first folder.
    fuzzer.arg(&found).arg(corpora.join(target)).env("PASARELA_FUZZ_TARGET", target);
    let ended = fuzzer.stdout(printed.try_clone()?).stderr(printed).status().context("cannot run libFuzzer")?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    ensure!(
        ended.success(),
        "{target} failed: the input and the log are in {}; run {} with the input's name to see it again",
        folder.display(),
        program.display()
    );
    let behind = |words: &str| {
        let (_, rest) = text.rsplit_once(words)?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let executions = behind("stat::number_of_executed_units:").context("libFuzzer did not say what it did")?;
    let edges = behind(" cov: ").context("libFuzzer did not say what it reached")?;
    Ok(Found { executions, edges })
}
