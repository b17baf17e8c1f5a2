//! Running other programs, and telling how long each step took.
//!
//! A program that fails is named with its arguments; what it printed is above the error.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How often a download says how much has come.
const PULSE: Duration = Duration::from_secs(5);

/// The steps of this command, for the table at its end.
static STEPS: Mutex<Steps> = Mutex::new(Steps { all: Vec::new(), depth: 0 });

struct Steps {
    all: Vec<Step>,
    /// Of steps under way.
    depth: usize,
}

struct Step {
    name: String,
    depth: usize,
    start: Instant,
    /// None while it is under way, and if it failed.
    took: Option<Duration>,
}

fn steps() -> MutexGuard<'static, Steps> {
    STEPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Announces a step, does it, and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {name}");
    let index = {
        let mut steps = steps();
        let depth = steps.depth;
        steps.depth += 1;
        steps.all.push(Step { name: name.to_owned(), depth, start: Instant::now(), took: None });
        steps.all.len() - 1
    };
    let result = work().with_context(|| format!("step failed: {name}"));
    let mut steps = steps();
    steps.depth -= 1;
    if let (Ok(_), Some(step)) = (&result, steps.all.get_mut(index)) {
        let took = step.start.elapsed();
        step.took = Some(took);
        eprintln!("    {name}: {:.1} s", took.as_secs_f32());
    }
    result
}

/// The same for a step that downloads into this folder: it says now and then how much is there.
pub(crate) fn fetch_into<T>(name: &str, folder: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    step(name, || {
        thread::scope(|scope| {
            let (end, ended) = mpsc::channel::<()>();
            scope.spawn(move || {
                while ended.recv_timeout(PULSE) == Err(mpsc::RecvTimeoutError::Timeout) {
                    eprintln!("    {} MB so far", size(folder) / 1_000_000);
                }
            });
            let result = work();
            drop(end);
            result
        })
    })
}

/// Bytes in a folder; what vanishes meanwhile is not counted.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

/// Prints the steps and how long each took. A command that becomes another program does so before that.
pub(crate) fn print_times(start: Instant) {
    let steps = steps();
    if steps.all.is_empty() {
        return;
    }
    eprintln!("\n{:<64}{:>8}", "step", "seconds");
    for Step { name, depth, took, .. } in &steps.all {
        let took = took.map_or_else(|| "failed".to_owned(), |took| format!("{:.1}", took.as_secs_f32()));
        eprintln!("{:<64}{took:>8}", format!("{}{name}", "  ".repeat(*depth)));
    }
    eprintln!("{:<64}{:>8.1}\n", "all of it", start.elapsed().as_secs_f32());
}

/// Runs a program, its output going where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start: {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Runs a program and returns what it printed on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start: {shown}"))?;
    if !output.status.success() {
        bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// Whether this is the superuser.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// Where a program is found in PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// PATH with these folders before what is in it.
pub(crate) fn path_with(first: &[&Path]) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = first.iter().map(|folder| folder.to_path_buf()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
