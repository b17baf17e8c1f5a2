//! The Android app: `android/` and the static program for ARM made one file, target/dist/android.
//!
//! Without Gradle and without an SDK; what it takes is `setup`'s part. Before it is signed the file is the same wherever and
//! whenever it is built. The tests of the app, in `test`, use the same steps.

mod texts;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::native;
use crate::{
    run::{output, run, step},
    setup::{self, android::Tools, musl::Machine},
    tree,
};

/// The machine of phones, as Rust calls it and as Android does; the program's profile for it.
const PHONE: &str = "aarch64";
const ABI: &str = "arm64-v8a";
const PROFILE: &str = native::LEAN;

/// For each kind of processor.
const SIZE_MAX: u64 = 4_000_000;

/// The variables that name the key store of whoever publishes the app, and its password.
const KEY: &str = "PASARELA_ANDROID_KEY";
const PASSWORD: &str = "PASARELA_ANDROID_KEY_PASSWORD";

/// Of the debug key, which protects nothing.
const DEBUG_PASSWORD: &str = "android";

/// Builds and signs it; returns the folder to give away.
pub(super) fn make() -> Result<PathBuf> {
    native::build(Machine::of(PHONE)?, PROFILE)?;
    let apk = signed(&setup::android()?, &tree::root().join("target/android"))?;
    let folder = tree::root().join("target/dist/android");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let name = format!("pasarela-{}-arm64.apk", tree::of_all_packages("version")?);
    fs::copy(apk, folder.join(&name))?;
    let sums = output(Command::new("sha256sum").arg(name).current_dir(&folder))?;
    fs::write(folder.join("SHA256SUMS"), sums + "\n")?;
    Ok(folder)
}

/// The program for phones, of the sources as they are.
pub(crate) fn program() -> Result<PathBuf> {
    built(PHONE, PROFILE)
}

/// The program for this machine, which the app's tests run.
pub(crate) fn program_here() -> Result<PathBuf> {
    built(std::env::consts::ARCH, "dist")
}

fn built(machine: &str, profile: &str) -> Result<PathBuf> {
    let machine = Machine::of(machine)?;
    native::build(machine, profile)?;
    Ok(native::program(machine, profile))
}

/// The app, signed; everything is made below `folder`.
pub(crate) fn signed(tools: &Tools, folder: &Path) -> Result<PathBuf> {
    let unsigned = unsigned(tools, folder)?;
    let apk = folder.join("pasarela.apk");
    step("sign the app", || {
        let mut signer = tools.apksigner();
        signer.args(["sign", "--min-sdk-version", "24", "--v4-signing-enabled", "false", "--ks"]);
        match std::env::var_os(KEY) {
            Some(key) => signer.arg(key).args(["--ks-pass", &format!("env:{PASSWORD}")]),
            None => {
                eprintln!(
                    "    {KEY} is not set: signed with a debug key; a later version with another key will not replace it"
                );
                signer.arg(debug_key()?).args(["--ks-pass", &format!("pass:{DEBUG_PASSWORD}")])
            }
        };
        run(signer.arg("--out").arg(&apk).arg(&unsigned))
    })?;
    let size = fs::metadata(&apk)?.len();
    eprintln!("    {:.2} MB", size as f64 / 1e6);
    ensure!(size <= SIZE_MAX, "the app has {size} bytes, more than {SIZE_MAX}");
    Ok(apk)
}

/// The same without a signature. `folder` then also holds `base.apk`, the resources, and `classes`, which tests use.
pub(crate) fn unsigned(tools: &Tools, folder: &Path) -> Result<PathBuf> {
    let program = program()?;
    step("build the app", || {
        for part in ["gen", "res", "classes", "content"] {
            let part = folder.join(part);
            if part.exists() {
                fs::remove_dir_all(&part)?;
            }
            fs::create_dir_all(part)?;
        }
        texts::write(&folder.join("res"))?;
        let apk = resources(tools, folder)?;
        classes(tools, folder)?;
        let content = folder.join("content");
        let library = format!("lib/{}/libpasarela.so", ABI);
        fs::create_dir_all(content.join("lib").join(ABI))?;
        fs::copy(&program, content.join(&library)).with_context(|| format!("no {}", program.display()))?;
        let loose = folder.join("loose.apk");
        fs::copy(apk, &loose)?;
        output(tools.program("aapt").arg("add").arg(&loose).args(["classes.dex", &library]).current_dir(&content))?;
        let aligned = folder.join("unsigned.apk");
        run(tools.program("zipalign").args(["-f", "-p", "4"]).arg(&loose).arg(&aligned))?;
        Ok(aligned)
    })
}

/// The manifest and the resources, and their numbers as Java.
fn resources(tools: &Tools, folder: &Path) -> Result<PathBuf> {
    let source = tree::root().join("android");
    let version = tree::of_all_packages("version")?;
    let base = folder.join("base.apk");
    let mut aapt = tools.program("aapt");
    aapt.args(["package", "-f", "-m", "--auto-add-overlay", "--version-name", &version]);
    aapt.args(["--version-code", &code(&version)?.to_string()]);
    aapt.arg("-J").arg(folder.join("gen")).arg("-M").arg(source.join("AndroidManifest.xml"));
    aapt.arg("-S").arg(source.join("res")).arg("-S").arg(folder.join("res"));
    run(aapt.arg("-I").arg(tools.framework()?).arg("-F").arg(&base))?;
    Ok(base)
}

/// A number that grows with the version: 1.2.3 is 10203.
pub(crate) fn code(version: &str) -> Result<u32> {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let parts =
        release.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>().context("the version is no number")?;
    Ok(parts.iter().fold(0, |code, part| code * 100 + part))
}

/// Java compiled, and made what Android runs. It is Java 8 without lambdas: dx knows no more.
fn classes(tools: &Tools, folder: &Path) -> Result<()> {
    let classes = folder.join("classes");
    let mut javac = Command::new("javac");
    javac.args(["--release", "8", "-encoding", "UTF-8", "-proc:none", "-Xlint:all,-options,-classfile", "-Werror"]);
    javac.arg("-d").arg(&classes);
    javac.arg("-cp").arg(setup::android::class_path(&tools.listed("build.sums")?));
    javac.args(java_files(&tree::root().join("android/src"))?).args(java_files(&folder.join("gen"))?);
    run(&mut javac)?;
    let dex = folder.join("content/classes.dex");
    run(tools.dx()?.args(["--dex", "--min-sdk-version=24"]).arg(format!("--output={}", dex.display())).arg(&classes))
}

/// All below a folder, in one order everywhere.
pub(crate) fn java_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(java_files(&path)?);
        } else if path.extension().is_some_and(|it| it == "java") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A key of this machine's own, in the cache.
fn debug_key() -> Result<PathBuf> {
    let file = tree::cache()?.join("tools/android-debug.p12");
    if !file.is_file() {
        let mut keytool = Command::new("keytool");
        keytool.args(["-genkeypair", "-storetype", "PKCS12", "-alias", "debug"]);
        keytool.args(["-keyalg", "EC", "-groupname", "secp256r1"]);
        keytool.args(["-sigalg", "SHA256withECDSA", "-validity", "10000", "-dname", "CN=Pasarela debug"]);
        output(keytool.args(["-storepass", DEBUG_PASSWORD, "-keystore"]).arg(&file))?;
    }
    Ok(file)
}
