//! The Worker: `index.js`, with the main module `src/edge/main.mjs` and what wasm-bindgen made, and `index_bg.wasm`.
//!
//! In its real form, in `build`, it is what `wrangler` deploys. The other is for tests of what follows a panic, and of leaks.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{QUICK, wasm};
use crate::{
    run::{run, step},
    setup::Tools,
    tree,
};

/// How `main.mjs` imports what wasm-bindgen made.
const GLUE: &str = "pasarela-edge";

/// What rustc makes for wasm32 and what wasm-bindgen's guards need. Without a list wasm-opt might use what a runtime does not
/// know yet.
const FEATURES: [&str; 7] = [
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "exception-handling",
];

/// A form of the Worker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Optimised, for everybody: in `build`.
    Real,
    /// Quick to build, panics when it is told to and tells what it holds: in `target/edge/instrumented`.
    Instrumented,
}

pub(super) fn build(tools: &Tools, form: Form) -> Result<()> {
    let (name, folder, profile, features) = match form {
        Form::Real => ("build the Worker", "build", "release", &[][..]),
        Form::Instrumented => {
            ("build the instrumented Worker", "target/edge/instrumented", QUICK, &["instrumented"][..])
        }
    };
    step(name, || {
        let wasm = wasm::compile(tools, "pasarela-edge", profile, features)?;
        let folder = tree::root().join(folder);
        let outputs = ["index.js", "index_bg.wasm"].map(|name| folder.join(name));
        let main = tree::root().join("src/edge/main.mjs");
        if wasm::is_older(&outputs, &[wasm.clone(), main.clone()])? {
            make(tools, form, (&wasm, &main), &folder)?;
        }
        Ok(())
    })
}

/// Makes both files in a folder of their own and then puts them in place: somebody may be running what is there.
fn make(tools: &Tools, form: Form, (wasm, main): (&Path, &Path), folder: &Path) -> Result<()> {
    let work = tree::root().join(format!("target/edge/work-{}", std::process::id()));
    let glue = work.join("glue");
    wasm::bindgen("edge", wasm, &glue)?;
    let made = glue.join("index_bg.wasm");
    if form == Form::Real {
        let mut optimise = tools.command("wasm-opt")?;
        optimise.args(FEATURES.map(|feature| format!("--enable-{feature}")));
        // With the names of functions, for stack traces.
        run(optimise.args(["-O", "--debuginfo"]).arg(&made).arg("-o").arg(&made))?;
    }
    let script = work.join("index.js");
    run(tools
        .command("esbuild")?
        .arg(main)
        .args(["--bundle", "--minify", "--format=esm", "--log-level=warning", "--legal-comments=none"])
        .args(["--external:*.wasm", "--external:cloudflare:*"])
        .arg(format!("--alias:{GLUE}={}", glue.join("index.js").display()))
        .arg(format!("--outfile={}", script.display())))?;
    // The platform knows modules of Wasm, but not yet this way to name them.
    let text = fs::read_to_string(&script)?.replace("import source ", "import ");
    fs::write(&script, text)?;
    fs::create_dir_all(folder)?;
    for (from, name) in [(made, "index_bg.wasm"), (script, "index.js")] {
        place(&from, &folder.join(name))?;
    }
    fs::remove_dir_all(&work).with_context(|| format!("cannot remove {}", work.display()))
}

fn place(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot put {} in place", to.display()))
}
