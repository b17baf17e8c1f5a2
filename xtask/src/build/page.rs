//! The page's check: `target/page/check.js` and `target/page/check.wasm`, which the guide embeds if they are there.
//!
//! `src/page` becomes Wasm, as small as it can be, and `www/check` one script. When nothing changed since, nothing is done.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};

use crate::{
    run::{run, step},
    setup::{self, Tools},
    tree,
};

/// A profile of its own, whose folder sees only the compiler that knows wasm32.
const PROFILE: &str = "wasm-page";

/// What both files together may have on the way to a browser, in bytes: a few seconds on the slowest of networks.
const MAX: u64 = 200_000;

/// How the script imports what wasm-bindgen made.
const GLUE: &str = "pasarela-page";

pub(super) fn build() -> Result<()> {
    let tools = setup::worker()?;
    let target = tree::root().join("target");
    step("build the page's check", || {
        let wasm = compile(&tools, &target)?;
        let folder = target.join("page");
        if is_older(&folder, &wasm)? {
            make(&tools, &wasm, &folder)?;
        }
        weigh(&folder)
    })
}

/// The Wasm as the compiler makes it. It never goes to CARGO_TARGET_DIR: the guide looks for the outcome in the tree.
fn compile(tools: &Tools, target: &Path) -> Result<PathBuf> {
    let triple = "wasm32-unknown-unknown";
    let mut cargo = tools.cargo()?;
    cargo.args(["build", "--quiet", "--lib", "--package", "pasarela-page", "--target", triple, "--profile", PROFILE]);
    run(cargo.arg("--target-dir").arg(target).env("CARGO_ENCODED_RUSTFLAGS", nameless()?))?;
    Ok(target.join(triple).join(PROFILE).join("pasarela_page.wasm"))
}

/// Panics name source files; where these are on the builder's machine is nobody's business.
fn nameless() -> Result<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let folders = [Some(tree::root()), Some(tree::cache()?), home];
    let flags = folders.iter().flatten().map(|folder| format!("--remap-path-prefix={}=", folder.display()));
    Ok(flags.collect::<Vec<_>>().join("\x1f"))
}

/// Whether something that goes into the files is newer than they are: the Wasm, the script, the tools, this program.
fn is_older(folder: &Path, wasm: &Path) -> Result<bool> {
    let mut inputs = vec![wasm.to_path_buf(), tree::root().join("package-lock.json"), std::env::current_exe()?];
    for entry in fs::read_dir(tree::root().join("www/check")).context("no www/check")? {
        inputs.push(entry?.path());
    }
    let newest = inputs.iter().map(|file| changed(file)).collect::<Result<Vec<_>>>()?.into_iter().max();
    let oldest = ["check.js", "check.wasm"].iter().map(|file| changed(&folder.join(file)).ok()).min().flatten();
    Ok(oldest <= newest)
}

fn changed(file: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(file).with_context(|| format!("no {}", file.display()))?;
    Ok(metadata.modified()?)
}

fn make(tools: &Tools, wasm: &Path, folder: &Path) -> Result<()> {
    let glue = folder.join("glue");
    fs::create_dir_all(&glue)?;
    let options = ["--target", "web", "--no-typescript", "--omit-default-module-path", "--out-name", "glue"];
    let unneeded = ["--remove-name-section", "--remove-producers-section"];
    run(tools.wasm_bindgen()?.args(options).args(unneeded).arg("--out-dir").arg(&glue).arg(wasm))?;
    let small = folder.join("check.wasm");
    run(tools.command("wasm-opt")?.arg("-Oz").arg(glue.join("glue_bg.wasm")).arg("-o").arg(&small))?;
    run(tools
        .command("esbuild")?
        .arg(tree::root().join("www/check/check.mjs"))
        .args(["--bundle", "--minify", "--format=esm", "--log-level=warning", "--legal-comments=none"])
        // Who loads a module has import.meta, whatever else that browser lacks.
        .args(["--target=es2018", "--supported:import-meta=true"])
        .arg(format!("--alias:{GLUE}={}", glue.join("glue.js").display()))
        .arg(format!("--outfile={}", folder.join("check.js").display())))
}

/// Says how large the files are, and fails if they are too large.
fn weigh(folder: &Path) -> Result<()> {
    let mut sum = 0;
    for name in ["check.js", "check.wasm"] {
        let file = folder.join(name);
        let compressed = compressed(&file)?;
        eprintln!("    {name}: {} bytes, {compressed} compressed", fs::metadata(&file)?.len());
        sum += compressed;
    }
    ensure!(sum <= MAX, "the page's check has {sum} bytes, compressed; it may have {MAX}");
    Ok(())
}

fn compressed(file: &Path) -> Result<u64> {
    let mut counted = GzEncoder::new(Count(0), Compression::best());
    io::copy(&mut File::open(file)?, &mut counted)?;
    Ok(counted.finish()?.0)
}

/// Keeps nothing of what is written but how much it was.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
