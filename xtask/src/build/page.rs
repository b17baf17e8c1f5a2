//! The page's check: `target/page/check.js` and `target/page/check.wasm`, which the guide embeds if they are there.
//!
//! `src/browser` becomes Wasm, as small as it can be, and `www/check` one script. When nothing changed since, nothing is done.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};

use super::wasm;
use crate::{
    run::{run, step},
    setup::Tools,
    tree,
};

/// What both files together may have on the way to a browser, in bytes: a few seconds on the slowest of networks.
const MAX: u64 = 200_000;

/// How the script imports what wasm-bindgen made.
const GLUE: &str = "pasarela-browser";

pub(super) fn build(tools: &Tools) -> Result<()> {
    step("build the page's check", || {
        let wasm = wasm::compile(tools, "pasarela-browser", "wasm-page", &[])?;
        let folder = tree::root().join("target/page");
        let outputs = ["check.js", "check.wasm"].map(|name| folder.join(name));
        if wasm::is_older(&outputs, &inputs(&wasm)?)? {
            make(tools, &wasm, &folder)?;
        }
        weigh(&folder)
    })
}

fn inputs(wasm: &Path) -> Result<Vec<PathBuf>> {
    let scripts = fs::read_dir(tree::root().join("www/check")).context("no www/check")?;
    let mut inputs = scripts.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    inputs.push(wasm.to_path_buf());
    Ok(inputs)
}

fn make(tools: &Tools, wasm: &Path, folder: &Path) -> Result<()> {
    let glue = folder.join("glue");
    wasm::bindgen("page", wasm, &glue)?;
    let small = folder.join("check.wasm");
    run(tools.command("wasm-opt")?.arg("-Oz").arg(glue.join("index_bg.wasm")).arg("-o").arg(&small))?;
    run(tools
        .command("esbuild")?
        .arg(tree::root().join("www/check/check.mjs"))
        .args(["--bundle", "--minify", "--format=esm", "--log-level=warning", "--legal-comments=none"])
        // Who loads a module has import.meta, whatever else that browser lacks.
        .args(["--target=es2018", "--supported:import-meta=true"])
        .arg(format!("--alias:{GLUE}={}", glue.join("index.js").display()))
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
