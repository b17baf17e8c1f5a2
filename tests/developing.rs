//! The commands of a developer: `pasarela-dev`, which `cargo xtask dev` starts, and `wrangler dev`.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    browser::{Browser, Visitor},
    handshake, http, places, workerd,
};
use pasarela_sim::{Sim, SimConfig};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::page;

/// Building comes first in `wrangler dev`.
const PATIENCE: Duration = Duration::from_secs(300);

/// Starts a program in a process group of its own and gives the lines that it prints.
fn start(command: &mut Command) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the program")?;
    let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    Ok((child, lines))
}

fn pid(child: &Child) -> Result<Pid> {
    let raw = child.id().and_then(|id| i32::try_from(id).ok());
    raw.and_then(Pid::from_raw).context("the program has ended")
}

/// Reads on to a line that contains `text`.
async fn line_with(lines: &mut Lines<BufReader<ChildStdout>>, text: &str) -> Result<String> {
    let found = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains(text) {
                return Ok(line);
            }
        }
        anyhow::bail!("it ended without a line with {text:?}")
    };
    timeout(PATIENCE, found).await.with_context(|| format!("no line with {text:?}"))?
}

#[tokio::test]
async fn pasarela_dev_proves_a_handshake_and_ctrl_c_stops_all_of_it() -> Result<()> {
    let (mut child, mut lines) = start(Command::new(env!("CARGO_BIN_EXE_pasarela-dev")).args(["--port", "0"]))?;
    let link = line_with(&mut lines, "page").await?;
    let (address, root) = link
        .split_once("http://")
        .and_then(|(_, rest)| rest.split_once("/#&root="))
        .context("no URL with a root key")?;
    let address = address.parse()?;
    line_with(&mut lines, "/ws/chat").await?;
    ensure!(line_with(&mut lines, "root key").await?.ends_with(root), "the page is told another key");
    line_with(&mut lines, "handshake through the Worker was verified").await?;
    let browser = Browser::start()?;
    let visit = browser.visit(Visitor::default()).await?;
    visit.open(address, &format!("/#&root={root}")).await?;
    let verdict = page::check(&visit).await?;
    ensure!(verdict.code.is_none(), "the page that it names does not pass its own check: {verdict:?}");
    kill_process(pid(&child)?, Signal::INT)?;
    line_with(&mut lines, "Stopped.").await?;
    ensure!(timeout(PATIENCE, child.wait()).await??.success(), "it did not end cleanly");
    ensure!(http::request(address, "GET", "/", &[]).await.is_err(), "the Worker is still there");
    Ok(())
}

#[tokio::test]
async fn wrangler_dev_builds_the_worker_and_runs_it_offline() -> Result<()> {
    // It builds into the folder that the other tests take the Worker from.
    workerd::relay()?;
    let sim = Sim::start(SimConfig::default()).await?;
    let chat = format!("UPSTREAM_CHAT:{}", sim.chat());
    with_wrangler(&places::root(), &["--env", "dev", "--var", &chat], async |address| {
        handshake::through(&format!("ws://{address}/pipe/chat"), sim.root_key()).await
    })
    .await
}

/// As wrangler.toml describes it, with its lines for an own site turned on.
#[tokio::test]
async fn behind_files_that_the_platform_serves_the_key_still_opens_the_page() -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let folder = tempfile::tempdir()?;
    for (name, bytes) in workerd::relay()? {
        fs::write(folder.path().join(name), bytes)?;
    }
    fs::create_dir(folder.path().join("site"))?;
    fs::write(folder.path().join("site/index.html"), "a shop for bicycles")?;
    fs::write(folder.path().join("site/404.html"), "no such bicycle")?;
    let shipped = fs::read_to_string(places::root().join("wrangler.toml"))?;
    let build = "[build]\ncommand = \"cargo xtask build edge\"\n";
    ensure!(shipped.contains(build) && shipped.contains("\n# [assets]\n") && shipped.contains("# SITE = \"none\""));
    let own =
        shipped.replace(build, "").replace("# SITE = \"none\"", "SITE = \"own\"").replace("build/index.js", "index.js");
    let mut in_assets = false;
    let own = own.lines().map(|line| {
        in_assets = line.starts_with("# [assets]") || in_assets && line.starts_with("# ");
        if in_assets { line.trim_start_matches("# ") } else { line }
    });
    fs::write(folder.path().join("wrangler.toml"), own.collect::<Vec<_>>().join("\n"))?;
    fs::write(folder.path().join(".dev.vars"), format!("RELAY_KEYS=ana={}\n", page::KEY))?;
    let chat = format!("UPSTREAM_CHAT:{}", sim.chat());
    let web = format!("UPSTREAM_WEB:http://{}/ws/chat", sim.web());
    with_wrangler(folder.path(), &["--env", "", "--var", &chat, "--var", &web], async |address| {
        let get = async |target: String| http::request(address, "GET", &target, &[]).await;
        let files = [("/", "a shop for bicycles"), ("/nothing", "no such bicycle"), ("/check.js", "no such bicycle")];
        for (target, body) in files {
            let answer = get(target.to_owned()).await?;
            ensure!(answer.body.contains(body), "{target}: {answer:?}");
        }
        let wrong = get(format!("/{}X/", page::KEY)).await?.without_date();
        ensure!(wrong == get("/0/".to_owned()).await?.without_date(), "{wrong:?}");
        // A browser that goes there says so, and must not get the files' answer.
        let browser = Browser::start()?;
        let visit = browser.visit(Visitor::default()).await?;
        let root = crate::common::hex(sim.root_key());
        visit.open(address, &format!("/{}/#root={root}", page::KEY)).await?;
        let verdict = page::check(&visit).await?;
        ensure!(verdict.code.is_none(), "{verdict:?}");
        visit.reload().await?;
        ensure!(page::check(&visit).await?.code.is_none(), "loaded again it is another page");
        Ok(())
    })
    .await
}

/// Runs `wrangler dev` in this folder for as long as `check` takes, and ends it with Ctrl-C.
async fn with_wrangler(
    folder: &Path,
    arguments: &[&str],
    check: impl AsyncFnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new(places::made("node_modules/.bin/node")?);
    command.arg(places::made("node_modules/.bin/wrangler")?).args(["dev", "--ip", "127.0.0.1"]).args(arguments);
    command.args(["--port", &address.port().to_string()]);
    command.args(["--inspector-port", "0", "--show-interactive-dev-session=false"]);
    command.envs([("CI", "1"), ("WRANGLER_SEND_METRICS", "false"), ("CLOUDFLARE_CF_FETCH_ENABLED", "false")]);
    let (mut child, mut lines) = start(command.current_dir(folder))?;
    // Its own children, workerd among them, are in the same group.
    let group = pid(&child)?;
    let outcome = async {
        line_with(&mut lines, "Ready on").await?;
        check(address).await
    };
    let outcome = outcome.await;
    kill_process_group(group, Signal::INT).ok();
    let ended = timeout(Duration::from_secs(10), child.wait()).await;
    // Whatever is left of it; nothing is, if it ended cleanly.
    kill_process_group(group, Signal::KILL).ok();
    ended.context("wrangler does not end on Ctrl-C")??;
    outcome
}
