//! `xtask-bindgen edge|page FILE.wasm FOLDER`: wasm-bindgen's part of building the Worker or the page's check.
//!
//! It writes FOLDER/index.js, the JavaScript between the platform and the Wasm, and FOLDER/index_bg.wasm, the Wasm that fits
//! it. Compiling before and bundling behind it are `xtask`'s.

use std::{env, path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [whose, wasm, folder] = arguments.as_slice() else {
        bail!("three arguments are needed: edge or page, the Wasm, the folder for what is made of it");
    };
    let mut bindgen = Bindgen::new();
    match whose.to_str() {
        Some("edge") => for_the_worker(&mut bindgen)?,
        Some("page") => for_the_page(&mut bindgen)?,
        Some(_) | None => bail!("neither edge nor page: {}", whose.display()),
    }
    bindgen.typescript(false).input_path(wasm).out_name("index").generate(folder)
}

/// Modules, as workerd has them, and what a new start after a trap takes: a function that makes a new instance, and guards
/// that call the hook which our crate has set. The functions' names stay, for stack traces.
fn for_the_worker(bindgen: &mut Bindgen) -> Result<()> {
    bindgen.module(true)?.reset_state_function(true).force_enable_abort_handler(true);
    Ok(())
}

/// For any browser, and as small as can be.
fn for_the_page(bindgen: &mut Bindgen) -> Result<()> {
    bindgen.web(true)?.omit_default_module_path(true).remove_name_section(true).remove_producers_section(true);
    Ok(())
}
