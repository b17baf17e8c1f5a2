//! Programs beside ours that papers name, asked whether they know what is asked of them: `cargo xtask`, the simulator and
//! wrangler; and what our own program's help has of commands and options.

use std::{collections::BTreeMap, path::PathBuf, sync::OnceLock};

use anyhow::{Context, Result, bail, ensure};
use pasarela_e2e::places;
use tokio::process::Command;

use super::stage::finished;

/// A line of `cargo`, in words.
pub(super) async fn cargo(words: &[String]) -> Result<()> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["cargo", "xtask", "lab", ..] => bail!("what follows `lab` is not looked at before it is done"),
        // Values are looked at before it comes to the help.
        ["cargo", "xtask", rest @ ..] => finished(Command::new(xtask()?).args(rest).arg("--help")).await.map(drop),
        ["cargo", "run", "-p", "pasarela-sim", "--", rest @ ..] => {
            let packages = ["--package", "pasarela-sim", "--package", "pasarela-e2e", "--bin", "pasarela-sim"];
            finished(Command::new(places::built(&packages)?).args(rest).arg("--help")).await.map(drop)
        }
        _ => bail!("nobody knows how to run this"),
    }
}

/// A line of `npx wrangler`, in words: its help must be that of this command, and have its options.
pub(super) async fn wrangler(words: &[String]) -> Result<()> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let ["npx", "wrangler", rest @ ..] = &words[..] else { bail!("nobody knows how to run this") };
    let mut command = Command::new(places::made("node_modules/.bin/node")?);
    command.arg(places::made("node_modules/.bin/wrangler")?).args(rest).arg("--help");
    command.envs([("CI", "1"), ("WRANGLER_SEND_METRICS", "false")]).current_dir(places::root());
    let help = finished(&mut command).await?;
    let name = rest.iter().take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()));
    let name = ["wrangler"].into_iter().chain(name.copied()).collect::<Vec<_>>().join(" ");
    ensure!(help.trim_start().starts_with(&name), "wrangler has no {name:?}: {help}");
    let options = rest.iter().filter(|word| word.starts_with("--"));
    let missing: Vec<_> = options.filter(|option| !names(&help, option)).collect();
    ensure!(missing.is_empty(), "{name} has no {missing:?}");
    Ok(())
}

fn xtask() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || places::built(&["--package", "xtask", "--bin", "xtask"]).map_err(|error| format!("{error:#}"));
    BUILT.get_or_init(build).clone().map_err(anyhow::Error::msg)
}

/// Whether a help has this option, and not only one that begins like it.
fn names(help: &str, option: &str) -> bool {
    let option = option.split('=').next().unwrap_or(option);
    help.split(option).skip(1).any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-'))
}

/// The commands of `pasarela` and `cargo xtask`, with their helps.
pub(super) struct Known {
    ours: BTreeMap<String, String>,
    xtask: BTreeMap<String, String>,
}

impl Known {
    pub(super) async fn ask() -> Result<Self> {
        Ok(Self { ours: helps(places::program()?).await?, xtask: helps(xtask()?).await? })
    }

    /// What is wrong with a command that a paper names, if it is one of those; placeholders may be in it.
    pub(super) fn wrong_with(&self, command: &str) -> Option<String> {
        let command = command.split(" #").next().unwrap_or_default();
        let words: Vec<_> = command.split_whitespace().collect();
        let (known, name, rest) = match &words[..] {
            ["pasarela", name, rest @ ..] => (&self.ours, name, rest),
            ["cargo", "xtask", name, rest @ ..] => (&self.xtask, name, rest),
            _ => return None,
        };
        if !name.chars().all(|c| c.is_ascii_lowercase()) {
            return None;
        }
        let Some(help) = known.get(*name) else {
            // A feature, which is not in every build.
            return (*name != "deploy").then(|| format!("{command:?}: there is no {name}"));
        };
        let words = rest.iter().map(|word| word.trim_matches(['[', ']', '(', ')', '…']));
        let mut options = words.filter(|word| word.starts_with("--") && word.len() > 2);
        let unknown = options.find(|option| *option != "--help" && !names(help, option))?;
        Some(format!("{command:?}: there is no {unknown}"))
    }
}

async fn helps(program: PathBuf) -> Result<BTreeMap<String, String>> {
    let all = finished(Command::new(&program).arg("--help")).await?;
    let commands =
        all.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).context("no commands")?;
    let indented = commands.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let mut helps = BTreeMap::new();
    for name in indented.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help") {
        helps.insert(name.to_owned(), finished(Command::new(&program).args([name, "--help"])).await?);
    }
    Ok(helps)
}
