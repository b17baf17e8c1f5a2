//! What every package, manifest and installer says of the project, from one place; and the texts of `packaging/` with it filled in.
//!
//! It builds nothing. Where releases are is not known here: whoever releases says it.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{run::output, tree};

/// Who keeps it. `.invalid` is nobody's (RFC 2606): a package must name an address, and the project has none.
const MAINTAINER: &str = "Pasarela contributors <contributors@pasarela.invalid>";
const SUMMARY: &str = "Relay that keeps WhatsApp working where it is blocked";

/// Where releases are, if nobody says it.
const NOWHERE: &str = "https://pasarela.invalid";

/// 1980, before which no zip may be dated.
const LONG_AGO: &str = "315532800";

/// Words by their names, for [`Facts::fill`].
pub(super) struct Facts {
    words: BTreeMap<String, String>,
}

impl Facts {
    pub(super) fn gather(releases: Option<&str>) -> Result<Self> {
        let releases = releases.unwrap_or(NOWHERE).trim_end_matches('/');
        ensure!(
            releases.starts_with("https://") && !releases.contains(char::is_whitespace),
            "--releases {releases:?} is not the https:// address of a folder with the files"
        );
        let root = tree::root().display().to_string();
        let time = time()?;
        let dated = |format: &str| output(Command::new("date").args(["-u", "-d", &format!("@{time}"), format]));
        let words = [
            ("version", tree::of_all_packages("version")?),
            ("license", tree::of_all_packages("license")?),
            ("maintainer", MAINTAINER.to_owned()),
            ("summary", SUMMARY.to_owned()),
            ("releases", releases.to_owned()),
            ("homepage", releases.to_owned()),
            ("time", dated("+%Y-%m-%dT%H:%M:%SZ")?),
            ("date", dated("+%Y-%m-%d")?),
            ("mail_date", dated("+%a, %d %b %Y %H:%M:%S +0000")?),
            ("packaging", format!("{root}/packaging")),
            ("root", root),
            ("epoch", time),
        ];
        Ok(Self { words: words.map(|(name, word)| (name.to_owned(), word)).into() })
    }

    pub(super) fn say(&mut self, name: &str, word: impl Into<String>) {
        self.words.insert(name.to_owned(), word.into());
    }

    pub(super) fn get(&self, name: &str) -> Result<&str> {
        self.words.get(name).map(String::as_str).with_context(|| format!("nobody said what {{{{{name}}}}} is"))
    }

    /// Whether the files of a release are where these facts say.
    pub(super) fn are_real(&self) -> bool {
        self.get("releases").is_ok_and(|releases| releases != NOWHERE)
    }

    /// A file of `packaging/` with its words filled in, and of its parts those `for` one of these.
    pub(super) fn fill(&self, file: &str, parts: &[&str]) -> Result<String> {
        let path = tree::root().join("packaging").join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        self.filled(&text, parts).with_context(|| format!("packaging/{file}"))
    }

    fn filled(&self, text: &str, parts: &[&str]) -> Result<String> {
        let (mut filled, mut wanted) = (String::new(), true);
        for line in text.lines() {
            match line.trim() {
                "# end" => wanted = true,
                mark if mark.starts_with("# for ") => {
                    wanted = mark.split(' ').skip(2).any(|part| parts.contains(&part))
                }
                _ if wanted => filled += &(self.line(line)? + "\n"),
                _ => {}
            }
        }
        Ok(filled)
    }

    fn line(&self, line: &str) -> Result<String> {
        let Some((before, rest)) = line.split_once("{{") else { return Ok(line.to_owned()) };
        let Some((name, after)) = rest.split_once("}}") else { bail!("no }}}} in {line:?}") };
        Ok(format!("{before}{}{}", self.get(name)?, self.line(after)?))
    }
}

/// The moment that everything is dated: what `SOURCE_DATE_EPOCH` says, or when the last change was committed.
fn time() -> Result<String> {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|said| !said.is_empty());
    let committed = || output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(tree::root())).ok();
    let time = said.or_else(committed).filter(|time| !time.is_empty()).unwrap_or_else(|| LONG_AGO.to_owned());
    ensure!(time.parse::<u32>().is_ok(), "SOURCE_DATE_EPOCH={time} is not a number of seconds");
    Ok(time)
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(super) fn sha256(file: &Path) -> Result<String> {
    let line = output(Command::new("sha256sum").arg(file))?;
    Ok(line.trim_start_matches('\\').split(' ').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_parts_are_filled_in_and_unknown_ones_refused() {
        let facts = Facts { words: [("a", "1"), ("b", "2")].map(|(a, b)| (a.to_owned(), b.to_owned())).into() };
        let text = "{{a}}-{{b}}\n# for deb rpm\ndeb\n# end\n  # for apk\napk\n  # end\nend {{a}}\n";
        assert_eq!(facts.filled(text, &["deb"]).expect("all is known"), "1-2\ndeb\nend 1\n");
        assert_eq!(facts.filled(text, &[]).expect("all is known"), "1-2\nend 1\n");
        assert!(facts.filled("{{c}}", &[]).is_err());
        assert!(facts.filled("{{a", &[]).is_err());
    }

    #[test]
    fn releases_are_at_an_address_or_nowhere() {
        assert!(!Facts::gather(None).expect("facts").are_real());
        let facts = Facts::gather(Some("https://releases.example/v1/")).expect("facts");
        assert!(facts.are_real());
        assert_eq!(facts.get("releases").expect("said"), "https://releases.example/v1");
        assert!(Facts::gather(Some("http://releases.example")).is_err());
    }
}
