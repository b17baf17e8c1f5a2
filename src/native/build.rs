//! Compresses the built Worker for `pasarela deploy` before the program is compiled, if `cargo xtask build edge` has made it.
//!
//! Without it the program is as good, and `deploy` asks for `--worker FOLDER`. What wrangler.toml says is read by the program.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use flate2::{Compression, GzBuilder};

/// Where the Worker is, from this crate's folder.
const BUILT: &str = "../../build";

/// What it may add to the program, in bytes: volunteers download that over slow lines, too.
const PACKED_MAX: usize = 400_000;

/// What it consists of, and the constant that each file becomes.
const FILES: [(&str, &str); 2] = [("index.js", "SCRIPT"), ("index_bg.wasm", "WASM")];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            println!("cargo::error={wrong}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    if env::var_os("CARGO_FEATURE_DEPLOY").is_none() {
        println!("cargo::rerun-if-changed=build.rs");
        return Ok(());
    }
    // Cargo would run this every time if it were told to watch what is not there. If it cannot be made, it is so.
    let _ = fs::create_dir_all(BUILT);
    println!("cargo::rerun-if-changed={BUILT}");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let files = FILES.map(|(name, constant)| (name, constant, fs::read(Path::new(BUILT).join(name)).ok()));
    let whole = files.iter().all(|(_, _, bytes)| bytes.is_some());
    let (mut generated, mut sum) = (String::new(), 0);
    for (name, constant, bytes) in files {
        let value = match bytes.filter(|_| whole) {
            Some(bytes) => {
                let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
                encoder.write_all(&bytes)?;
                let packed = encoder.finish()?;
                sum += packed.len();
                fs::write(out.join(format!("{name}.gz")), packed)?;
                format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\")))")
            }
            None => "None".to_owned(),
        };
        generated += &format!("pub(super) const {constant}: Option<&[u8]> = {value};\n");
    }
    if sum > PACKED_MAX {
        return Err(io::Error::other(format!("the Worker has {sum} bytes, packed; it may have {PACKED_MAX}")));
    }
    fs::write(out.join("worker.rs"), generated)
}
