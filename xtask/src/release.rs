//! `cargo xtask release`: the version, the changelog, what is given away. What a person does beside that is in RELEASE.md.

use std::{fs, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    build::cargo,
    dist,
    run::{output, run, step},
    tree,
};

/// Makes a release, or only says what it would change.
pub(crate) fn make(version: &str, dry_run: bool) -> Result<()> {
    let root = tree::root();
    let [manifest, changelog] = ["Cargo.toml", "CHANGELOG.md"].map(|name| root.join(name));
    let (old_manifest, old_changelog) = (fs::read_to_string(&manifest)?, fs::read_to_string(&changelog)?);
    let changes = output(&mut git(&["status", "--porcelain"]))?;
    ensure!(changes.is_empty() || dry_run, "there is something uncommitted:\n{changes}");
    let old = tree::of_all_packages("version")?;
    ensure!(numbers(version)? >= numbers(&old)?, "{version} is older than {old}");
    ensure!(!old_changelog.contains(&format!("\n## {version},")), "the changelog has {version} already");
    let today = output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let new_manifest =
        old_manifest.replacen(&format!("\nversion = \"{old}\""), &format!("\nversion = \"{version}\""), 1);
    let new_changelog = dated(&old_changelog, version, &today)?;
    if dry_run {
        println!("Cargo.toml: version {old} becomes {version}\nCHANGELOG.md: Unreleased becomes {version}, {today}");
        println!(
            "then: cargo update --workspace, target/dist/edge, target/dist/native, the commit \"release: {version}\""
        );
        return Ok(());
    }
    // Committed last: what fails before that is undone by `git checkout .`.
    fs::write(manifest, new_manifest)?;
    fs::write(changelog, new_changelog)?;
    step("Cargo.lock", || run(cargo().args(["update", "--workspace", "--offline"])))?;
    dist::make(dist::Folder::Edge, None)?;
    dist::make(dist::Folder::Native, None)?;
    step("the commit", || run(&mut git(&["commit", "--all", "--message", &format!("release: {version}")])))?;
    println!("{version} is made and committed; nothing is published. Go on at step 6 of RELEASE.md.");
    Ok(())
}

fn git(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(tree::root());
    command
}

/// Three numbers.
fn numbers(version: &str) -> Result<[u32; 3]> {
    let parts: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    let parts: Option<[u32; 3]> = parts.ok().and_then(|parts| parts.try_into().ok());
    let parts = parts.filter(|parts| parts.map(|part| part.to_string()).join(".") == version);
    parts.with_context(|| format!("{version} is not a version such as 0.2.0"))
}

/// The changelog with a date for what was not released.
fn dated(changelog: &str, version: &str, today: &str) -> Result<String> {
    let heading = "\n## Unreleased\n";
    let Some((before, after)) = changelog.split_once(heading) else { bail!("the changelog has nothing unreleased") };
    ensure!(!after.trim_start().starts_with("## "), "nothing is below Unreleased in the changelog");
    Ok(format!("{before}{heading}\n## {version}, {today}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(numbers("0.10.0").expect("a version") > numbers("0.9.9").expect("a version"));
        for odd in ["", "1", "1.2", "1.2.3.4", "1.2.x", "v1.2.3", "+1.2.3", "01.2.3"] {
            assert!(numbers(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_was_not_released_gets_a_date_and_the_next_has_a_place() {
        let dated_one = dated("# Changelog\n\n## Unreleased\n\n- new\n", "0.2.0", "2026-12-01").expect("something new");
        assert_eq!(dated_one, "# Changelog\n\n## Unreleased\n\n## 0.2.0, 2026-12-01\n\n- new\n");
        assert!(dated(&dated_one, "0.3.0", "2026-12-02").is_err(), "nothing is new");
    }
}
