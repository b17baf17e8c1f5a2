//! wrangler is the oracle: for the same wrangler.toml, both must lead to the same Worker, the first time and the second, and away.

use std::{fs, process::Stdio};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    cloudflare::{ACCOUNT, Cloudflare, TOKEN},
    form::Part,
    http, places, workerd,
};
use pasarela_sim::{Sim, SimConfig};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use super::{Desk, LIMIT, key_of};

pub(super) const KEY: &str = "0123456789abcdef0123";

/// A developer's folder, in which nothing has to be built.
pub(super) fn project() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("build"))?;
    for (name, bytes) in workerd::relay()? {
        fs::write(folder.path().join("build").join(name), bytes)?;
    }
    let shipped = fs::read_to_string(places::root().join("wrangler.toml"))?;
    let build = "[build]\ncommand = \"cargo xtask build edge\"\n";
    ensure!(shipped.contains(build));
    fs::write(folder.path().join("wrangler.toml"), shipped.replace(build, ""))?;
    Ok(folder)
}

/// Runs wrangler against this API; `typed` is what it is told when it asks.
pub(super) async fn wrangler(cloud: &Cloudflare, folder: &TempDir, arguments: &[&str], typed: &str) -> Result<()> {
    let mut command = Command::new(places::made("node_modules/.bin/node")?);
    command.arg(places::made("node_modules/wrangler/bin/wrangler.js")?).args(arguments).args(["--env", ""]);
    command.envs([("CLOUDFLARE_API_TOKEN", TOKEN), ("CLOUDFLARE_ACCOUNT_ID", ACCOUNT), ("CI", "1")]);
    command.envs([("WRANGLER_SEND_METRICS", "false"), ("WRANGLER_HIDE_BANNER", "true"), ("NO_COLOR", "1")]);
    command.env("CLOUDFLARE_API_BASE_URL", cloud.base()).env("HOME", folder.path()).current_dir(folder.path());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut input = child.stdin.take().context("no input")?;
    input.write_all(typed.as_bytes()).await?;
    drop(input);
    let output = timeout(LIMIT, child.wait_with_output()).await.context("wrangler does not end")??;
    ensure!(output.status.success(), "wrangler {arguments:?}: {output:?}");
    Ok(())
}

/// What is said of a Worker, but for how wrangler lets objects take the new code over, and for the order of bindings.
pub(super) fn meant(mut metadata: Value) -> Value {
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.remove("code_update_strategy");
    }
    if let Some(bindings) = metadata["bindings"].as_array_mut() {
        bindings.sort_by_key(|binding| binding["name"].to_string());
    }
    metadata
}

/// The compiled module. wrangler calls it by its contents' digest, and bundles the script anew.
fn wasm(modules: &[Part]) -> Option<&Vec<u8>> {
    modules.iter().find(|module| module.kind == "application/wasm").map(|module| &module.bytes)
}

#[tokio::test]
async fn wrangler_and_the_program_lead_to_the_same_worker() -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let theirs = Cloudflare::start(Some(&sim)).await?;
    let folder = project()?;
    wrangler(&theirs, &folder, &["deploy"], "").await?;
    wrangler(&theirs, &folder, &["secret", "put", "RELAY_KEY_ME"], KEY).await?;
    let ours = Desk::new().await?;
    let told = ours.deployed(&["--json"]).await?;
    told.has(0, &[])?;
    let link = told.json()?["links"]["me"].as_str().context("no link")?.to_owned();

    wrangler(&theirs, &folder, &["deploy"], "").await?;
    ours.deployed(&[]).await?.has(0, &[])?;
    let (their, our) = (theirs.worker("pasarela")?, ours.cloud.worker("pasarela")?);
    let said = |metadata: &[Value]| metadata.iter().cloned().map(meant).collect::<Vec<_>>();
    ensure!(
        said(&their.metadata) == said(&our.metadata),
        "{:#?}\nis not\n{:#?}",
        said(&their.metadata),
        said(&our.metadata)
    );
    ensure!(our.metadata.len() == 2 && our.metadata[0]["migrations"]["new_tag"] == "v1");
    ensure!(our.metadata[1]["migrations"].is_null(), "an old migration is sent again");
    ensure!(our.metadata[0]["keep_bindings"].as_array().is_some_and(|kept| kept.len() == 4));
    ensure!(wasm(&their.modules).is_some() && wasm(&their.modules) == wasm(&our.modules));
    let others = |of: &pasarela_e2e::cloudflare::Deployed| {
        (of.tag.clone(), of.enabled, of.domains.clone(), of.variables.clone())
    };
    ensure!(others(&their) == others(&our), "{:?}\nis not\n{:?}", others(&their), others(&our));
    let names = |of: &pasarela_e2e::cloudflare::Deployed| of.secrets.keys().cloned().collect::<Vec<_>>();
    ensure!(names(&their) == ["RELAY_KEY_ME"] && names(&our) == names(&their));
    they_answer_the_same(&theirs, &ours, key_of(&link)?).await?;

    wrangler(&theirs, &folder, &["delete"], "").await?;
    ours.deployed(&["--remove"]).await?.has(0, &[])?;
    ensure!(theirs.account().workers.is_empty() && ours.cloud.account().workers.is_empty());
    let removal = |changes: Vec<String>| changes.last().cloned();
    ensure!(removal(theirs.changes()) == removal(ours.cloud.changes()));
    Ok(())
}

/// A stranger's 404 and what stands under a key, from both Workers in workerd.
async fn they_answer_the_same(theirs: &Cloudflare, ours: &Desk, key: &str) -> Result<()> {
    for (their_path, our_path, status) in [
        ("/".to_owned(), "/".to_owned(), 404),
        ("/status.json".to_owned(), "/status.json".to_owned(), 404),
        (format!("/{KEY}x/"), format!("/{key}x/"), 404),
        (format!("/{KEY}/"), format!("/{key}/"), 200),
        (format!("/{KEY}/status.json"), format!("/{key}/status.json"), 200),
    ] {
        let their = http::request(theirs.running()?, "GET", &their_path, &[]).await?.without_date();
        let our = http::request(ours.cloud.running()?, "GET", &our_path, &[]).await?.without_date();
        ensure!((their.status(), our.status()) == (status, status), "{our_path}: {their:?}\nis not\n{our:?}");
        let plain = |answer: &http::Response| answer.head.clone();
        ensure!(plain(&their) == plain(&our), "{our_path}: {their:?}\nis not\n{our:?}");
        if status == 404 {
            ensure!(their.body == our.body, "{our_path}: {their:?}\nis not\n{our:?}");
        }
    }
    Ok(())
}
