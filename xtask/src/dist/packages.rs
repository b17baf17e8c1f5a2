//! Packages of the static program for Debian, Fedora, Arch, Alpine and OpenWrt, and manifests for the package managers that fetch a
//! release themselves: target/dist/packages.
//!
//! One description, `packaging/nfpm.yaml`, and one set of facts. The same bytes whenever they are made of the same programs; the stage
//! `packages` holds that, and asks each system's own tools what they think of them.

mod manifests;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};

use super::{
    facts::{Facts, sha256},
    native,
};
use crate::{
    run::{output, step},
    setup::{self, musl},
    tree,
};

/// A kind of package: its name in `nfpm.yaml`, nfpm's own, and the ending of its file.
struct Kind {
    name: &'static str,
    packager: &'static str,
    ending: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind { name: "deb", packager: "deb", ending: "deb" },
    Kind { name: "rpm", packager: "rpm", ending: "rpm" },
    Kind { name: "arch", packager: "archlinux", ending: "pkg.tar.zst" },
    Kind { name: "alpine", packager: "apk", ending: "apk" },
];

/// OpenWrt's package manager until 24.10, and the one since.
const OPENWRT: [Kind; 2] = [
    Kind { name: "openwrt", packager: "ipk", ending: "ipk" },
    Kind { name: "openwrt", packager: "apk", ending: "apk" },
];

/// A machine as Rust and Linux call it, as Go and Debian do, and as OpenWrt's routers of it do, whose names differ though the program
/// does not. `kinds` are those of other systems than OpenWrt.
struct Machine {
    name: &'static str,
    debian: &'static str,
    kinds: &'static [Kind],
    openwrt: &'static [&'static str],
}

const MACHINES: [Machine; 4] = [
    Machine { name: "x86_64", debian: "amd64", kinds: &KINDS, openwrt: &["x86_64"] },
    Machine {
        name: "aarch64",
        debian: "arm64",
        kinds: &KINDS,
        // Generic ones, MediaTek's and Qualcomm's, the Raspberry Pi 4's.
        openwrt: &["aarch64_generic", "aarch64_cortex-a53", "aarch64_cortex-a72"],
    },
    Machine {
        name: "armv7",
        debian: "arm7",
        kinds: &[],
        // Qualcomm's newer and older ones, Marvell's.
        openwrt: &["arm_cortex-a7_neon-vfpv4", "arm_cortex-a15_neon-vfpv4", "arm_cortex-a9_vfpv3-d16"],
    },
    // MediaTek's, the cheap ones.
    Machine { name: "mipsel", debian: "mipsle", kinds: &[], openwrt: &["mipsel_24kc"] },
];

/// What is run when a package comes or goes.
const SCRIPTS: [&str; 6] = [
    "linux/deb-postinst.sh",
    "linux/deb-prerm.sh",
    "linux/deb-postrm.sh",
    "linux/reload.sh",
    "linux/stop.sh",
    "openwrt/prerm.sh",
];

/// Where systemd's units of packages are.
const UNITS: &str = "/usr/lib/systemd/system";

/// Makes all of it from the programs in target/dist/native.
pub(super) fn make(releases: Option<&str>) -> Result<PathBuf> {
    let folder = tree::root().join("target/dist/packages");
    make_in(&folder, &programs()?, releases)?;
    Ok(folder)
}

/// Where the programs are: for the machines of which there are some, else for all. They are made anew if one is not what the sources make
/// now, which Cargo decides.
pub(crate) fn programs() -> Result<PathBuf> {
    let native = tree::root().join("target/dist/native");
    let file = |machine: &musl::Machine| native.join(native::name(machine.name));
    let there: Vec<_> = musl::MACHINES.iter().filter(|machine| file(machine).is_file()).collect();
    let machines = if there.is_empty() { musl::MACHINES.iter().collect() } else { there };
    for machine in &machines {
        let built = native::built(machine)?;
        if !file(machine).is_file() || fs::read(file(machine))? != fs::read(built)? {
            return native::make(&machines);
        }
    }
    Ok(native)
}

/// The same from and into these folders.
pub(crate) fn make_in(folder: &Path, native: &Path, releases: Option<&str>) -> Result<()> {
    let mut facts = Facts::gather(releases)?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let nfpm = setup::nfpm()?;
    let made = tree::root().join("target/packages");
    fs::create_dir_all(&made)?;
    step("make packages", || {
        // Some packagers ask where all of it is, and nothing of that may be in a package.
        facts.say("made", made.display().to_string());
        facts.say("units", UNITS);
        prepare(&facts, &made)?;
        for machine in &MACHINES {
            let program = native.join(native::name(machine.name));
            if !program.is_file() {
                eprintln!("    no packages for {}: no {}", machine.name, program.display());
                continue;
            }
            facts.say("program", program.display().to_string());
            facts.say("arch", machine.debian);
            facts.say(&format!("sum_{}_linux", machine.name), sha256(&program)?);
            for kind in machine.kinds {
                let file = folder.join(name(kind, machine, None, &facts)?);
                pack(&nfpm, &facts, kind, &file)?;
                facts.say(&format!("file_{}_{}", machine.name, kind.name), text(&file));
                facts.say(&format!("sum_{}_{}", machine.name, kind.name), sha256(&file)?);
            }
            for (kind, of) in OPENWRT.iter().flat_map(|kind| machine.openwrt.iter().map(move |of| (kind, *of))) {
                facts.say("openwrt", of);
                pack(&nfpm, &facts, kind, &folder.join(name(kind, machine, Some(of), &facts)?))?;
            }
        }
        Ok(())
    })?;
    step("write manifests", || manifests::write(&mut facts, folder, native))?;
    native::sum(folder)
}

/// A package of an older program would say another version than the program says.
/// What all packages have beside the program.
fn prepare(facts: &Facts, made: &Path) -> Result<()> {
    for name in ["bridge", "serve"] {
        let file = format!("pasarela-{name}.service");
        let unit = fs::read_to_string(tree::root().join("packaging/systemd").join(&file))?;
        fs::write(made.join(file), installed(&unit)?)?;
    }
    for script in SCRIPTS {
        let file = made.join(Path::new(script).file_name().unwrap_or_default());
        fs::write(&file, facts.fill(script, &[])?)?;
        // One kind of package keeps the time of its scripts.
        let time = Duration::from_secs(facts.get("epoch")?.parse()?);
        fs::File::open(&file)?.set_modified(SystemTime::UNIX_EPOCH + time)?;
    }
    compress(&facts.fill("linux/pasarela.1", &[])?, &made.join("pasarela.1.gz"))?;
    compress(&facts.fill("debian/changelog", &[])?, &made.join("changelog.gz"))
}

/// The unit as a package has it: its program where packages put theirs, and a manual page instead of how to install it.
fn installed(unit: &str) -> Result<String> {
    let (_, unit) = unit.split_once("[Unit]\n").context("a unit without [Unit]")?;
    let (description, rest) = unit.split_once('\n').context("an empty unit")?;
    let rest = rest.replace("/usr/local/bin/", "/usr/bin/");
    Ok(format!("[Unit]\n{description}\nDocumentation=man:pasarela(1)\n{rest}"))
}

/// As `gzip -9n` does: without a name and a time.
fn compress(text: &str, file: &Path) -> Result<()> {
    let mut encoder = GzEncoder::new(fs::File::create(file)?, Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()?;
    Ok(())
}

/// As each system calls such files.
fn name(kind: &Kind, machine: &Machine, openwrt: Option<&str>, facts: &Facts) -> Result<String> {
    let (version, ending) = (facts.get("version")?, kind.ending);
    Ok(match (kind.name, openwrt) {
        (_, Some(of)) => format!("pasarela_{version}_openwrt_{of}.{ending}"),
        ("deb", None) => format!("pasarela_{version}_{}.{ending}", machine.debian),
        ("rpm", None) => format!("pasarela-{version}-1.{}.{ending}", machine.name),
        ("alpine", None) => format!("pasarela_{version}_alpine_{}.{ending}", machine.name),
        (_, None) => format!("pasarela-{version}-1-{}.{ending}", machine.name),
    })
}

fn pack(nfpm: &Path, facts: &Facts, kind: &Kind, file: &Path) -> Result<()> {
    let description = Path::new(facts.get("made")?).join(format!("{}.yaml", text(file)));
    fs::write(&description, facts.fill("nfpm.yaml", &[kind.name])?)?;
    let mut command = Command::new(nfpm);
    command.args(["package", "--packager", kind.packager, "--config"]).arg(&description).arg("--target").arg(file);
    output(command.env("SOURCE_DATE_EPOCH", facts.get("epoch")?))?;
    let size = fs::metadata(file).with_context(|| format!("no {}", file.display()))?.len();
    eprintln!("    {}: {:.2} MB", text(file), size as f64 / 1e6);
    Ok(())
}

fn text(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_units_program_is_where_the_package_puts_it() {
        let unit = "# How to install it.\n[Unit]\nDescription=x\nAfter=y\n\n[Service]\nExecStart=/usr/local/bin/pasarela bridge\n";
        assert_eq!(
            installed(unit).expect("a unit"),
            "[Unit]\nDescription=x\nDocumentation=man:pasarela(1)\nAfter=y\n\n[Service]\nExecStart=/usr/bin/pasarela bridge\n"
        );
    }
}
