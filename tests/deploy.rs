//! The relay put on Cloudflare: by the program and by wrangler, through one API of the tests, down to the Worker that then runs.
//!
//! Whatever the program is told and whatever it says, the token is in none of its words; every run here holds that.

/// The program beside wrangler.
mod wrangler;
/// A site of the operator's.
mod site;
/// What the API refuses.
mod refusals;
/// Who has a key.
mod keys;
/// A name that has led elsewhere up to now.
mod name;

use std::{
    fs,
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::http::Method;
use base64::prelude::{BASE64_STANDARD, Engine};
use pasarela_e2e::{
    cloudflare::{Cloudflare, Deployed, HOST, Refusal, SUBDOMAIN, TOKEN},
    http, places,
};
use pasarela_sim::{Sim, SimConfig};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::common::hex;

/// Longer than a deployment takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// An account, a simulated WhatsApp, and a folder for files.
struct Desk {
    cloud: Cloudflare,
    sim: Sim,
    folder: TempDir,
}

/// How the program ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {self:?}"))
    }

    fn has(&self, code: i32, words: &[&str]) -> Result<()> {
        ensure!(self.code == Some(code), "{self:?}");
        let missing: Vec<_> =
            words.iter().filter(|word| !self.out.contains(**word) && !self.err.contains(**word)).collect();
        ensure!(missing.is_empty(), "no {missing:?} in {self:?}");
        Ok(())
    }
}

impl Desk {
    /// Everything, with Workers that run.
    async fn new() -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        let cloud = Cloudflare::start(Some(&sim)).await?;
        Self::of(cloud, sim)
    }

    /// Workers are kept there, and do not run.
    async fn still() -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        Self::of(Cloudflare::start(None).await?, sim)
    }

    fn of(cloud: Cloudflare, sim: Sim) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let certificate = BASE64_STANDARD.encode(&cloud.authority);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n{}", sim.ca_pem());
        fs::write(folder.path().join("ca.pem"), pem)?;
        Ok(Self { cloud, sim, folder })
    }

    /// The program with these arguments, pointed at the account.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(places::program()?);
        let of_ours = |name: &str| ["PASARELA_", "CLOUDFLARE_"].iter().any(|ours| name.starts_with(ours));
        for (name, _) in std::env::vars_os().filter(|(name, _)| of_ours(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.folder.path());
        command.env("CLOUDFLARE_API_BASE_URL", self.cloud.base()).env("CLOUDFLARE_API_TOKEN", TOKEN);
        // The one that the certificate of the tests is for.
        command.env("PASARELA_DEPLOY_NAME", "pasarela").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// `deploy` with the Worker as it is built now, the link leading to where the Worker runs.
    fn deploy(&self, more: &[&str]) -> Result<Command> {
        let root = places::root();
        let mut command = self.command(&["deploy", "--yes", "--ca", "ca.pem", "--worker"])?;
        let link_with = format!("addr={}&root={}", self.cloud.front, hex(self.sim.root_key()));
        command.arg(root).args(["--link-with", &link_with]).args(more);
        Ok(command)
    }

    async fn deployed(&self, more: &[&str]) -> Result<Ended> {
        finish(self.deploy(more)?).await
    }

    /// What the Worker says about itself under this key; 404 is what strangers get.
    async fn status(&self, key: &str) -> Result<http::Response> {
        http::request(self.cloud.running()?, "GET", &format!("/{key}/status.json"), &[]).await
    }
}

async fn finish(mut command: Command) -> Result<Ended> {
    told(timeout(LIMIT, command.output()).await.context("it does not end")??)
}

fn told(output: Output) -> Result<Ended> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("UTF-8");
    let ended = Ended { code: output.status.code(), out: text(output.stdout)?, err: text(output.stderr)? };
    ensure!(!format!("{ended:?}").contains(TOKEN), "it shows the token");
    Ok(ended)
}

/// The key behind a link.
fn key_of(link: &str) -> Result<&str> {
    link.split_once('#').and_then(|(_, rest)| rest.split('&').next()).context("no key")
}

#[tokio::test]
async fn one_command_ends_with_a_link_through_which_whatsapp_works_and_again_it_keeps_the_key() -> Result<()> {
    let desk = Desk::new().await?;
    let first = desk.deployed(&[]).await?;
    first.has(
        0,
        &["Tests", "sent as pasarela", "given to me", "All well", "pasarela keys new ana --name \"pasarela\""],
    )?;
    let link = first.out.lines().find(|line| line.starts_with("https://")).context("no link")?;
    ensure!(link.starts_with(&format!("https://{HOST}/#")) && first.out.contains('▄'), "{first:?}");
    let key = key_of(link)?;
    ensure!(desk.status(key).await?.status() == 200);
    let again = desk.deployed(&[]).await?;
    again.has(0, &["all keys are as they were"])?;
    ensure!(!again.out.contains(key) && desk.status(key).await?.status() == 200, "{again:?}");
    let worker = desk.cloud.worker("pasarela")?;
    ensure!(worker.metadata.len() == 2 && worker.metadata[1]["migrations"].is_null(), "{:?}", worker.metadata);
    Ok(())
}

#[tokio::test]
async fn programs_are_told_all_of_it_in_one_line() -> Result<()> {
    let desk = Desk::new().await?;
    let object = desk.deployed(&["--json", "--key", "ana", "--key", "Bo"]).await?.json()?;
    ensure!(object["keys"] == json!(["ana", "bo"]) && object["updated"] == false, "{object}");
    ensure!(object["host"] == HOST && object["check"]["verdict"] == "ok", "{object}");
    for person in ["ana", "bo"] {
        let link = object["links"][person].as_str().context("no link")?;
        ensure!(desk.status(key_of(link)?).await?.status() == 200, "{person}");
    }
    Ok(())
}

#[tokio::test]
async fn the_worker_in_the_program_is_the_one_that_was_built() -> Result<()> {
    let desk = Desk::still().await?;
    let mut sent = Vec::new();
    for more in [&[][..], &["--worker", places::root().to_str().context("UTF-8")?]] {
        let shown = finish(desk.command(&[&["deploy", "--dry-run", "--json"], more].concat())?).await?;
        shown.has(0, &[])?;
        sent.push(shown.json()?["dry_run"][0].clone());
    }
    ensure!(sent[0] == sent[1] && sent[0]["body"]["modules"][1]["bytes"].as_u64() > Some(100_000), "{sent:#?}");
    Ok(())
}

#[tokio::test]
async fn without_a_name_it_gets_one_that_says_nothing_and_is_found_again() -> Result<()> {
    let desk = Desk::still().await?;
    let nameless = |arguments: &[&str]| {
        let mut command = desk.command(arguments)?;
        command.env_remove("PASARELA_DEPLOY_NAME");
        anyhow::Ok(finish(command))
    };
    let planned = async || {
        let object = nameless(&["deploy", "--dry-run", "--json"])?.await?.json()?;
        let path = object["dry_run"][0]["path"].as_str().context("no path")?.to_owned();
        path.split_once("/scripts/").map(|(_, name)| name.to_owned()).context("another path")
    };
    let name = planned().await?;
    ensure!(!["pasarela", "relay", "proxy", "whatsapp"].iter().any(|word| name.contains(word)), "{name}");
    let sessions = json!({ "name": "SESSIONS", "type": "durable_object_namespace", "class_name": "Sessions" });
    let metadata = vec![json!({ "bindings": [sessions] })];
    let variables = ["WEB_UPSTREAM", "PROXY_HEADER"].map(|name| (name.to_owned(), "x".to_owned())).into();
    let relay = Deployed { metadata, variables, tag: Some("v1".to_owned()), ..Deployed::default() };
    // Somebody else's, with objects of the same name.
    let theirs = json!({ "name": "SESSIONS", "type": "durable_object_namespace", "class_name": "UserSessions" });
    let theirs = vec![json!({ "bindings": [theirs] })];
    let theirs = Deployed { metadata: theirs, tag: Some("v1".to_owned()), ..Deployed::default() };
    desk.cloud.account().workers.insert("bar".to_owned(), theirs);
    desk.cloud.account().workers.insert("shop".to_owned(), Deployed::default());
    desk.cloud.account().workers.insert("tea-blog".to_owned(), relay.clone());
    ensure!(planned().await?.starts_with("tea-blog?"));
    nameless(&["keys"])?.await?.has(0, &["nobody"])?;
    desk.cloud.account().workers.insert("maps-club".to_owned(), relay);
    for arguments in [&["deploy", "--dry-run"][..], &["keys"]] {
        nameless(arguments)?.await?.has(1, &["several relays: maps-club, tea-blog", "--name"])?;
    }
    Ok(())
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_shows_no_key() -> Result<()> {
    let desk = Desk::still().await?;
    desk.cloud.account().subdomain = None;
    let shown = desk.deployed(&["--dry-run", "--domain", "bicycles.example.org"]).await?;
    shown.has(
        0,
        &["PUT /accounts/", "\"new_tag\": \"v1\"", "RELAY_KEY_ME", "(a new key)", "bicycles.example.org", "/subdomain"],
    )?;
    ensure!(!shown.out.contains("given to"), "{shown:?}");
    desk.deployed(&["--dry-run", "--remove"]).await?.has(1, &["no relay called pasarela"])?;
    ensure!(desk.cloud.changes().is_empty(), "{:?}", desk.cloud.changes());
    Ok(())
}

#[tokio::test]
async fn an_account_without_a_name_below_workers_dev_gets_one_and_a_domain_of_its_own_is_taken() -> Result<()> {
    let desk = Desk::still().await?;
    desk.cloud.account().subdomain = None;
    // Nothing answers; what counts is what is sent until then.
    let child = desk.deploy(&["--subdomain", SUBDOMAIN, "--domain", "bicycles.example.org"])?.spawn()?;
    desk.cloud.until_asked(&Method::POST, "/subdomain").await?;
    stop(&child)?;
    told(timeout(LIMIT, child.wait_with_output()).await??)?.has(1, &["stopped", "domain: bicycles.example.org"])?;
    let worker = desk.cloud.worker("pasarela")?;
    // Else workers.dev would lead round whatever guards the domain.
    ensure!(worker.domains == ["bicycles.example.org"] && !worker.enabled, "{worker:?}");
    ensure!(desk.cloud.account().subdomain.as_deref() == Some(SUBDOMAIN));
    Ok(())
}

fn stop(child: &tokio::process::Child) -> Result<()> {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).context("it has ended")?;
    Ok(kill_process(pid, Signal::INT)?)
}

#[tokio::test]
async fn who_stops_it_is_told_what_was_done_and_the_same_command_goes_on() -> Result<()> {
    let desk = Desk::new().await?;
    let hang = |method, at| Refusal { at, method, status: 0, code: 0 };
    desk.cloud.account().refusals.push(hang(Method::PUT, "/secrets"));
    let child = desk.deploy(&[])?.spawn()?;
    desk.cloud.until_asked(&Method::PUT, "/secrets").await?;
    stop(&child)?;
    let ended = told(timeout(LIMIT, child.wait_with_output()).await??)?;
    ended.has(1, &["stopped before the end", "worker: sent as pasarela", "deploy --remove --name \"pasarela\""])?;
    let half = desk.cloud.worker("pasarela")?;
    ensure!(!half.enabled && half.secrets.is_empty(), "it answers without a key: {half:?}");

    // Once a key is set it has to be told, whatever comes then.
    desk.cloud.account().refusals = vec![hang(Method::POST, "/subdomain")];
    let child = desk.deploy(&[])?.spawn()?;
    desk.cloud.until_asked(&Method::POST, "/subdomain").await?;
    stop(&child)?;
    let ended = told(timeout(LIMIT, child.wait_with_output()).await??)?;
    ended.has(1, &["key: given to me", "nobody is shown again"])?;
    let link = ended.err.lines().find_map(|line| line.trim().strip_prefix("https://")).context("no link")?;
    desk.cloud.account().refusals.clear();
    desk.deployed(&[]).await?.has(0, &["all keys are as they were"])?;
    ensure!(desk.status(key_of(link)?).await?.status() == 200);
    Ok(())
}

#[tokio::test]
async fn what_is_taken_away_is_gone_and_nothing_else_is() -> Result<()> {
    let desk = Desk::new().await?;
    desk.deployed(&[]).await?.has(0, &[])?;
    let unsure = finish({
        let mut command = desk.command(&["deploy", "--remove"])?;
        command.stdin(Stdio::null());
        command
    })
    .await?;
    unsure.has(2, &["All links of this relay stop working", "--yes"])?;
    // Whoever does not hear the answer does not know.
    let hang = Refusal { at: "/services/pasarela", method: Method::DELETE, status: 0, code: 0 };
    desk.cloud.account().refusals.push(hang);
    let child = desk.deploy(&["--remove"])?.spawn()?;
    desk.cloud.until_asked(&Method::DELETE, "/services/pasarela").await?;
    stop(&child)?;
    let ended = told(timeout(LIMIT, child.wait_with_output()).await??)?;
    ended.has(1, &["stopped before the end", "perhaps worker: pasarela taken away"])?;
    desk.cloud.account().refusals.clear();
    desk.deployed(&["--remove"]).await?.has(0, &["pasarela is gone"])?;
    ensure!(desk.cloud.account().workers.is_empty() && desk.cloud.running().is_err());
    desk.deployed(&["--remove"]).await?.has(1, &["no relay called pasarela", "Nothing was changed."])
}

#[tokio::test]
async fn before_anything_is_done_the_terms_are_told_and_a_no_is_a_no() -> Result<()> {
    let desk = Desk::still().await?;
    let nobody = finish(desk.command(&["deploy"])?).await?;
    nobody.has(2, &["similar proxy services", "100 000 requests", "nobody to ask", "--yes"])?;
    let mut command = desk.command(&["deploy"])?;
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("no input")?;
    tokio::io::AsyncWriteExt::write_all(&mut input, b"n\n").await?;
    drop(input);
    told(timeout(LIMIT, child.wait_with_output()).await??)?.has(1, &["Nothing was done."])?;
    ensure!(desk.cloud.account().asked.is_empty(), "{:?}", desk.cloud.changes());
    Ok(())
}
