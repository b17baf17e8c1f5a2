//! One paper's blocks, tried in their order in a folder of its own, as a reader would: what is run, and how.
//!
//! | language | |
//! |---|---|
//! | `sh` | each line by `line`: our program is run, others are run or asked; what nobody knows how to run needs a mark |
//! | `toml` | our program, with this configuration file |
//! | `ini` | a unit's `ExecStart`, as a line |
//! | `nginx`, `caddyfile`, `haproxy` | `web_servers.rs` runs those of `docs/server.md` |
//! | `text` | nothing to run, and no command in it |
//!
//! Anything else needs a mark.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::{
    markdown::{Block, Paper},
    stage::{Running, Stage, finished},
    tools,
};

const WEB_SERVERS: [&str; 3] = ["nginx", "caddyfile", "haproxy"];
/// What harms nothing in a folder of its own.
const HARMLESS: [&str; 3] = ["(umask", "openssl", "sed"];
/// With these a command begins.
const COMMANDS: [&str; 8] = ["pasarela", "cargo", "npx", "npm", "curl", "sudo", "openssl", "node"];

/// All that is tried.
pub(super) struct Trial(Stage);

impl Trial {
    pub(super) async fn start() -> Result<Self> {
        Stage::start().await.map(Self)
    }

    pub(super) async fn end(self) -> Result<()> {
        self.0.end().await
    }

    /// What is wrong with a paper, a line each.
    pub(super) async fn of(&self, paper: &Paper) -> Vec<String> {
        let mut wrong = Vec::new();
        let folder = match self.0.folder() {
            Ok(folder) => folder,
            Err(error) => return vec![format!("{error:#}")],
        };
        for block in paper.blocks().iter().filter(|block| block.not_run.is_none()) {
            if let Err(error) = self.block(paper, block, folder.path()).await {
                wrong.push(format!("{}, line {}: {error:#}", paper.name(), block.line));
            }
        }
        wrong
    }

    async fn block(&self, paper: &Paper, block: &Block, folder: &Path) -> Result<()> {
        match &*block.language {
            "sh" => self.lines(block.text.replace("\\\n", " ").lines().map(str::trim), folder).await,
            "toml" => self.configuration(&block.text, folder).await,
            "ini" => {
                let lines = block.text.lines().filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/"));
                self.lines(lines, folder).await
            }
            language if WEB_SERVERS.contains(&language) && paper.name() == "docs/server.md" => Ok(()),
            "text" => {
                let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
                let command = block.text.lines().find(|line| COMMANDS.contains(&&*first(line)));
                ensure!(command.is_none(), "this is a command, and sh: {command:?}");
                Ok(())
            }
            "" => bail!("it does not say what it is: text, sh or another language"),
            language => bail!("nobody knows how to try {language}: say `<!-- not run: why -->` before it"),
        }
    }

    /// Tries all of them, also behind one that fails.
    async fn lines(&self, lines: impl Iterator<Item = &str>, folder: &Path) -> Result<()> {
        let mut wrong = Vec::new();
        // What is neither empty nor a comment.
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let tried = self.line(line, folder).await;
            wrong.extend(tried.err().map(|error| format!("{line}: {error:#}")));
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    async fn line(&self, line: &str, folder: &Path) -> Result<()> {
        let first = line.split(' ').next().unwrap_or_default();
        match first {
            "pasarela" => self.program(words(&self.0.filled(line)).await?, folder).await,
            "cargo" => tools::cargo(&words(line).await?).await,
            "npx" => tools::wrangler(&words(line).await?).await,
            first if HARMLESS.contains(&first) && !line.contains("HOST:PORT") => shell(line, folder).await.map(drop),
            first if HARMLESS.contains(&first) => self.towards_a_server(line, folder).await,
            _ => bail!("nobody knows how to run it: say `<!-- not run: why -->` before it"),
        }
    }

    /// Runs our program: to its end, or until it is up.
    async fn program(&self, words: Vec<String>, folder: &Path) -> Result<()> {
        let mut words = words.into_iter().skip(1).collect::<Vec<_>>();
        let command = words.iter().find(|word| ["bridge", "serve", "check", "share", "keys"].contains(&word.as_str()));
        match command.cloned().as_deref() {
            Some("check" | "share" | "keys") => finished(&mut self.0.program(folder, &words)?).await.map(drop),
            Some(command) => {
                anywhere(&mut words);
                words.push("--json".to_owned());
                let mut started = self.0.program(folder, &words)?;
                started.env("PASARELA_LISTEN", "127.0.0.1:0");
                if command == "serve" && !words.iter().any(|word| word == "--relay-keys-file") {
                    started.env("RELAY_KEYS", "me=0123456789abcdef");
                }
                let running = Running::start(started).await?;
                let up = running.first.get("listen").or_else(|| running.first.get("http")).is_some();
                ensure!(up, "it does not say where it listens: {}", running.first);
                running.end().await
            }
            None => bail!("there is no such command"),
        }
    }

    /// Each command of a configuration file, with it.
    async fn configuration(&self, text: &str, folder: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let file = folder.join("pasarela.toml");
        fs::write(&file, self.0.filled(text))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        let tables = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
        for table in tables {
            let words = ["pasarela", "--config", "pasarela.toml", table];
            self.program(words.map(str::to_owned).to_vec(), folder).await.with_context(|| format!("[{table}]"))?;
        }
        Ok(())
    }

    /// A line that asks the relay of the folder's keys.
    async fn towards_a_server(&self, line: &str, folder: &Path) -> Result<()> {
        let words = ["serve", "--json", "--listen", "127.0.0.1:0", "--relay-keys-file", "keys"];
        let server = Running::start(self.0.program(folder, &words.map(str::to_owned))?).await?;
        let address = server.first.get("http").and_then(Value::as_str).context("no address")?;
        let said = shell(&line.replace("https://HOST:PORT", &format!("http://{address}")), folder).await?;
        ensure!(said.contains("\"upstreams\""), "the relay answers otherwise: {said}");
        server.end().await
    }
}

/// On any free port, for the papers' may be another's.
fn anywhere(words: &mut [String]) {
    let mut is_address = false;
    for word in words {
        if let Some((host, port)) = word.rsplit_once(':').filter(|_| is_address)
            && port.parse::<u16>().is_ok()
        {
            *word = format!("{host}:0");
        }
        if word == "--socks5" {
            "--socks5=127.0.0.1:0".clone_into(word);
        }
        is_address = ["--listen", "--metrics", "--phones"].contains(&word.as_str());
    }
}

async fn shell(line: &str, folder: &Path) -> Result<String> {
    finished(Command::new("bash").args(["-c", "set -eu -o pipefail; eval \"$0\"", line]).current_dir(folder)).await
}

/// The words of a line as the shell passes them on, without its comment.
async fn words(line: &str) -> Result<Vec<String>> {
    let print =
        "for name in pasarela cargo npx; do eval \"$name() { printf '%s\\0' $name \\\"\\$@\\\"; }\"; done; eval \"$0\"";
    let said = finished(Command::new("bash").args(["-c", print, line])).await?;
    Ok(said.split_terminator('\0').map(str::to_owned).collect())
}
