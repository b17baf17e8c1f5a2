//! Texts for package managers that fetch a release's files themselves: Homebrew, winget, scoop, AUR and Nix.
//!
//! One whose files are not there is left out, and named. Nobody is sent anything.

use std::{fs, path::Path};

use anyhow::Result;

use crate::dist::facts::{Facts, sha256};

/// A manifest: its text below `packaging/manifests` and in the folder, and of which files it needs to know the sums.
struct Manifest {
    file: &'static str,
    needs: &'static [&'static str],
}

const LINUX: &[&str] = &["sum_x86_64_linux", "sum_aarch64_linux"];
const DEB: &[&str] = &["sum_x86_64_deb", "sum_aarch64_deb"];

const MANIFESTS: [Manifest; 8] = [
    Manifest { file: "homebrew/pasarela.rb", needs: LINUX },
    Manifest { file: "nix/flake.nix", needs: LINUX },
    Manifest { file: "aur/PKGBUILD", needs: DEB },
    Manifest { file: "aur/.SRCINFO", needs: DEB },
    Manifest { file: "scoop/pasarela.json", needs: &["sum_zip"] },
    Manifest { file: "winget/Pasarela.Pasarela.yaml", needs: &["sum_setup"] },
    Manifest { file: "winget/Pasarela.Pasarela.installer.yaml", needs: &["sum_setup"] },
    Manifest { file: "winget/Pasarela.Pasarela.locale.en-US.yaml", needs: &["sum_setup"] },
];

/// The programs that a Mac made, if there are any.
const MACOS: [(&str, &str); 2] =
    [("sum_x86_64_macos", "pasarela-x86_64-macos"), ("sum_aarch64_macos", "pasarela-aarch64-macos")];

pub(super) fn write(facts: &mut Facts, folder: &Path, native: &Path) -> Result<()> {
    let version = facts.get("version")?.to_owned();
    let windows = |ending: &str| format!("pasarela-{version}-windows-x86_64{ending}");
    let files = [("zip", windows(".zip")), ("setup", windows("-setup.exe"))];
    for (name, file) in &files {
        facts.say(&format!("file_{name}"), file.as_str());
        say_sum(facts, &format!("sum_{name}"), &native.join(file))?;
    }
    for (name, file) in MACOS {
        say_sum(facts, name, &native.join(file))?;
    }
    let parts: &[&str] =
        if MACOS.iter().all(|(name, _)| facts.get(name).is_ok()) { &["macos"] } else { &["linux-only"] };
    for manifest in &MANIFESTS {
        if let Some(missing) = manifest.needs.iter().find(|name| facts.get(name).is_err()) {
            eprintln!("    no {}: there is no file for {missing}", manifest.file);
            continue;
        }
        let to = folder.join("manifests").join(manifest.file);
        fs::create_dir_all(to.parent().unwrap_or(folder))?;
        fs::write(to, facts.fill(&format!("manifests/{}", manifest.file), parts)?)?;
    }
    if !facts.are_real() {
        eprintln!("    the manifests lead to {}: say --releases URL", facts.get("releases")?);
    }
    Ok(())
}

fn say_sum(facts: &mut Facts, name: &str, file: &Path) -> Result<()> {
    if file.is_file() {
        facts.say(name, sha256(file)?);
    }
    Ok(())
}
