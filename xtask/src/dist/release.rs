//! Everything that was made, in one folder as a release has it: target/dist/release, with one list of sums, which a person signs.
//!
//! It builds nothing: what is not there is not in it, and named. What is new, for the release's page, is beside the folder, in notes.md.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use super::{facts::Facts, native, sbom, zip};
use crate::{run::step, tree};

/// What each part is made by, and how many files of it are wanted at least.
const PARTS: [(&str, usize); 3] = [("native", 3), ("packages", 5), ("android", 1)];

pub(super) fn make() -> Result<std::path::PathBuf> {
    let facts = Facts::gather(None)?;
    let version = facts.get("version")?;
    let dist = tree::root().join("target/dist");
    let folder = dist.join("release");
    step("collect a release", || {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        for (part, wanted) in PARTS {
            let found = collect(&dist.join(part), &folder)?;
            if found < wanted {
                eprintln!("    only {found} files of {part}: `cargo xtask dist {part}` makes them");
            }
        }
        pack(&dist.join("edge"), &folder.join(format!("pasarela-{version}-edge.zip")))?;
        pack(&dist.join("packages/manifests"), &folder.join(format!("pasarela-{version}-manifests.zip")))?;
        sbom::write(&facts, &folder.join(format!("pasarela-{version}.cdx.json")))?;
        let changelog = fs::read_to_string(tree::root().join("CHANGELOG.md"))?;
        fs::write(dist.join("notes.md"), notes(&changelog, version)?)?;
        native::sum(&folder)
    })?;
    Ok(folder)
}

/// Copies the files of a part; its own sums are of no use here.
fn collect(part: &Path, folder: &Path) -> Result<usize> {
    let mut found = 0;
    for entry in fs::read_dir(part).into_iter().flatten() {
        let (file, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if !file.is_file() || name == "SHA256SUMS" {
            continue;
        }
        let to = folder.join(&name);
        ensure!(!to.exists(), "two parts have a file {}", to.display());
        fs::copy(&file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
        found += 1;
    }
    Ok(found)
}

/// A folder as a zip, if it is there.
fn pack(from: &Path, to: &Path) -> Result<()> {
    let mut files = Vec::new();
    if !from.is_dir() {
        eprintln!("    no {}, so no {}", from.display(), to.display());
        return Ok(());
    }
    gather(from, "", &mut files)?;
    files.sort();
    zip::write(to, &files)
}

fn gather(folder: &Path, before: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        // What somebody who tried the folder left there.
        let left = ["node_modules", ".wrangler", ".dev.vars", "dry-run"].contains(&name.as_str());
        if left {
            continue;
        }
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// What the changelog says of this version, or of what has none yet.
fn notes(changelog: &str, version: &str) -> Result<String> {
    for heading in [format!("\n## {version},"), "\n## Unreleased".to_owned()] {
        if let Some((_, rest)) = changelog.split_once(&heading) {
            let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            let notes = rest.split("\n## ").next().unwrap_or_default().trim();
            if !notes.is_empty() {
                return Ok(format!("{notes}\n"));
            }
        }
    }
    bail!("CHANGELOG.md says nothing of {version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_what_the_changelog_says_of_the_version() {
        let changelog = "# Changelog\n\n## Unreleased\n\n## 0.2.0, 2026-12-01\n\n### Added\n\n- new\n\n## 0.1.0, 2026-01-01\n\n- old\n";
        assert_eq!(notes(changelog, "0.2.0").expect("notes"), "### Added\n\n- new\n");
        assert_eq!(notes(changelog, "0.1.0").expect("notes"), "- old\n");
        assert!(notes(changelog, "0.3.0").is_err());
        assert_eq!(notes("\n## Unreleased\n\n- next\n", "0.3.0").expect("notes"), "- next\n");
    }
}
