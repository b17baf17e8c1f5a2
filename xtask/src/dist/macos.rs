//! The program for macOS, in target/dist/native beside the others, linked by zig without a Mac. Nothing here runs it.
//!
//! What a file says of itself is looked at instead: whom it is for, what it needs, and that its signature, which has no author, fits it.
//! Apple's own processors run no program that has none, or another file's; Intel's need none.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context, Result, bail, ensure};
use object::{LittleEndian, macho, read::macho::MachHeader};
use sha2::{Digest, Sha256};

use super::native;
use crate::{
    build,
    run::{run, step},
    setup::{self, macos},
    tree,
};

/// Libraries that every macOS from the oldest on has.
const SYSTEM: [&str; 3] = ["/usr/lib/libSystem.B.dylib", "/usr/lib/libiconv.2.dylib", "/usr/lib/libcharset.1.dylib"];

/// What holds a signature's parts, and the part with the sums of the file's pages.
const SIGNATURE: u32 = 0xfade_0cc0;
const SUMS: u32 = 0xfade_0c02;
/// The sums are SHA-256.
const SHA_256: u8 = 2;

/// Builds and collects it; what is there for other systems stays.
pub(super) fn make() -> Result<PathBuf> {
    build::edge(build::Form::Real)?;
    let tools = setup::macos()?;
    let folder = tree::root().join("target/dist/native");
    fs::create_dir_all(&folder)?;
    for (machine, target) in macos::MACHINES {
        let name = format!("pasarela-{machine}-macos");
        let all = tree::root().join("target/macos");
        step(&format!("build the program for macOS on {machine} (some minutes the first time)"), || {
            let build = ["--package", "pasarela", "--bin", "pasarela", "--profile", "dist"];
            run(tools.zigbuild(target).args(build).arg("--target-dir").arg(&all))
        })?;
        let built = all.join(target).join("dist/pasarela");
        step(&format!("look at {name}"), || {
            look(&fs::read(&built).with_context(|| format!("no {}", built.display()))?, machine)
        })?;
        native::collect(&built, &folder.join(name))?;
    }
    native::sum(&folder)?;
    Ok(folder)
}

/// Whether a Mac with this processor and the oldest system would begin to run the file.
fn look(file: &[u8], machine: &str) -> Result<()> {
    let processor = match machine {
        "aarch64" => macho::CPU_TYPE_ARM64,
        "x86_64" => macho::CPU_TYPE_X86_64,
        other => bail!("no Mac has {other}"),
    };
    let order = LittleEndian;
    let header = macho::MachHeader64::<LittleEndian>::parse(file, 0)?;
    ensure!(header.filetype(order) == macho::MH_EXECUTE, "it is no program");
    ensure!(header.cputype(order) == processor, "it is not for {machine}");
    let (mut oldest, mut signature, mut libraries) = (None, None, BTreeSet::new());
    let mut commands = header.load_commands(order, file, 0)?;
    while let Some(command) = commands.next()? {
        if let Some((version, _)) = command.build_version(order)? {
            ensure!(version.platform.get(order) == macho::PLATFORM_MACOS, "it is not for macOS");
            oldest = Some(version.minos.get(order));
        } else if let Some(library) = command.dylib()? {
            libraries.insert(String::from_utf8(command.string(order, library.dylib.name)?.to_vec())?);
        } else if command.cmd() == macho::LC_CODE_SIGNATURE {
            let place: &macho::LinkeditDataCommand<LittleEndian> = command.data()?;
            let from = usize::try_from(place.dataoff.get(order))?;
            signature = file.get(from..);
        }
    }
    let (major, minor) = macos::OLDEST;
    let wanted = macho::Version::new(major, minor, 0);
    ensure!(oldest == Some(wanted), "it is not for macOS {major}.{minor} and newer, but {oldest:?}");
    let foreign: Vec<_> = libraries.iter().filter(|library| !SYSTEM.contains(&library.as_str())).collect();
    ensure!(libraries.contains(SYSTEM[0]) && foreign.is_empty(), "it needs {foreign:?}");
    match signature {
        Some(signature) => is_signed(file, signature),
        None if processor == macho::CPU_TYPE_X86_64 => Ok(()),
        None => bail!("it has no signature"),
    }
}

/// Whether the sums in a signature are the file's, page by page.
fn is_signed(file: &[u8], signature: &[u8]) -> Result<()> {
    ensure!(number(signature, 0)? == SIGNATURE, "its signature is of no known kind");
    let parts = (0..number(signature, 8)?).map(|part| number(signature, 16 + 8 * part));
    let parts = parts.map(|at| signature.get(usize::try_from(at?)?..).context("a signature that ends early"));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let sums = parts.into_iter().find(|part| number(part, 0).is_ok_and(|kind| kind == SUMS));
    let sums = sums.context("its signature has no sums")?;
    let (first, count, limit) = (number(sums, 16)?, number(sums, 28)?, number(sums, 32)?);
    let [length, kind, _, page] = number(sums, 36)?.to_be_bytes();
    ensure!(length == 32 && kind == SHA_256, "its signature has other sums than SHA-256");
    let signed = file.get(..usize::try_from(limit)?).context("its signature is of a longer file")?;
    let first = usize::try_from(first)?;
    let sums = sums.get(first..).unwrap_or_default().chunks(32).take(usize::try_from(count)?);
    let pages = signed.chunks(1_usize.checked_shl(page.into()).context("its pages are too large")?);
    ensure!(sums.map(Vec::from).eq(pages.map(|page| Sha256::digest(page).to_vec())), "its signature is another file's");
    Ok(())
}

/// Signatures are written the other way round than all else.
fn number(bytes: &[u8], at: u32) -> Result<u32> {
    let bytes = bytes.get(usize::try_from(at)?..).and_then(|rest| rest.first_chunk()).context("it ends early")?;
    Ok(u32::from_be_bytes(*bytes))
}
