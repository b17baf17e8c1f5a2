//! Who has a key: listed by name, given, taken back; of a Worker and of the file that `serve` reads.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Context, Result, ensure};
use axum::http::Method;
use pasarela_e2e::cloudflare::{Deployed, Refusal};
use serde_json::json;
use tokio::time::timeout;

use super::{Desk, Ended, LIMIT, finish, key_of, stop, told};

impl Desk {
    async fn keys(&self, arguments: &[&str]) -> Result<Ended> {
        finish(self.command(&[&["keys"], arguments].concat())?).await
    }

    /// A relay of which only the account knows, with these secrets.
    fn put(&self, secrets: &[(&str, &str)]) {
        let mut worker = Deployed::default();
        let objects = json!([{ "name": "SESSIONS", "type": "durable_object_namespace", "class_name": "Sessions" }]);
        worker.metadata.push(json!({ "bindings": objects }));
        worker.variables = ["OPEN", "WEB_UPSTREAM"].map(|name| (name.to_owned(), "x".to_owned())).into();
        worker.secrets = secrets.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned())).collect();
        self.cloud.account().workers.insert("pasarela".to_owned(), worker);
    }
}

#[tokio::test]
async fn a_key_comes_and_goes_alone() -> Result<()> {
    let desk = Desk::new().await?;
    let me = desk.deployed(&["--json"]).await?.json()?["links"]["me"].as_str().context("no link")?.to_owned();
    let ana = desk.keys(&["new", "Ana", "--json"]).await?.json()?;
    let link = ana["link"].as_str().context("no link")?;
    ensure!(ana["name"] == "ana" && link.starts_with("https://pasarela.tests.workers.dev/#"), "{ana}");
    let statuses =
        async || anyhow::Ok([desk.status(key_of(&me)?).await?.status(), desk.status(key_of(link)?).await?.status()]);
    ensure!(statuses().await? == [200, 200]);
    desk.keys(&["new", "ana"]).await?.has(1, &["ana has a key already"])?;
    desk.keys(&["revoke", "cy"]).await?.has(1, &["cy has no key", "pasarela keys"])?;
    desk.keys(&["new", "maria-jose"]).await?.has(2, &["a name has"])?;
    ensure!(desk.keys(&["--json"]).await?.json()? == json!({ "keys": ["ana", "me"], "by_hand": false }));
    desk.keys(&["revoke", "ana"]).await?.has(0, &["me\n"])?;
    ensure!(statuses().await? == [200, 404]);
    desk.keys(&["revoke", "me"]).await?.has(1, &["me has the last key", "another key first"])?;
    ensure!(statuses().await? == [200, 404]);
    Ok(())
}

#[tokio::test]
async fn deploying_gives_keys_and_takes_them_back_as_well() -> Result<()> {
    let desk = Desk::new().await?;
    let object = desk.deployed(&["--json", "--key", "ana", "--key", "bo"]).await?.json()?;
    let link = |name: &str| object["links"][name].as_str().map(str::to_owned).context("no link");
    let (ana, bo) = (link("ana")?, link("bo")?);
    desk.deployed(&["--key", "bo"]).await?.has(1, &["bo has a key already", "Nothing was changed"])?;
    desk.deployed(&["--revoke", "cy"]).await?.has(1, &["cy has no key", "Nothing was changed"])?;
    // One is taken back, the other replaced.
    let object = desk.deployed(&["--json", "--revoke", "ana", "--revoke", "bo", "--key", "bo"]).await?.json()?;
    ensure!(object["keys"] == json!(["bo"]) && object["check"]["verdict"] == "ok", "{object}");
    let new = object["links"]["bo"].as_str().context("no link")?;
    for (link, status) in [(&*ana, 404), (&*bo, 404), (new, 200)] {
        ensure!(desk.status(key_of(link)?).await?.status() == status);
    }
    // Without any key a relay shows everybody what it is, so the last one is replaced.
    let object = desk.deployed(&["--json", "--revoke", "bo"]).await?.json()?;
    ensure!(object["keys"] == json!(["me"]) && object["check"]["verdict"] == "ok", "{object}");
    let object = desk.deployed(&["--json", "--revoke", "me"]).await?.json()?;
    ensure!(object["keys"] == json!(["me"]) && object["check"]["verdict"] == "ok", "{object}");
    ensure!(desk.cloud.worker("pasarela")?.secrets.len() == 1 && desk.status(key_of(new)?).await?.status() == 404);
    Ok(())
}

#[tokio::test]
async fn who_is_cut_while_a_key_changes_is_told_that_it_may_have() -> Result<()> {
    let desk = Desk::still().await?;
    let relay = || desk.put(&[("RELAY_KEY_ME", "0123456789abcdef"), ("RELAY_KEY_ANA", "fedcba9876543210")]);
    for (arguments, method, at, words) in [
        (["revoke", "ana"], Method::DELETE, "/secrets/RELAY_KEY_ANA", "perhaps key: taken back from ana"),
        (["new", "bo"], Method::PUT, "/secrets", "perhaps key: given to bo"),
    ] {
        relay();
        let refusal = |status| Refusal { at, method: method.clone(), status, code: 10013 };
        desk.cloud.account().refusals = vec![refusal(0)];
        let child = desk.command(&[&["keys"], &arguments[..]].concat())?.spawn()?;
        desk.cloud.until_asked(&method, at).await?;
        stop(&child)?;
        let stopped = told(timeout(LIMIT, child.wait_with_output()).await??)?;
        stopped.has(1, &["stopped before the end", words, "`pasarela keys`"])?;
        desk.cloud.account().refusals = vec![refusal(500)];
        let failed = desk.keys(&arguments).await?;
        failed.has(1, &[words, "again in some minutes"])?;
        // A new key is told, since it may be set.
        let link = "https://pasarela.tests.workers.dev/#";
        ensure!(arguments[0] == "revoke" || stopped.err.contains(link) && failed.err.contains(link), "{failed:?}");
        desk.cloud.account().refusals = vec![refusal(403)];
        desk.keys(&arguments).await?.has(1, &["Nothing was changed."])?;
    }
    Ok(())
}

#[tokio::test]
async fn keys_that_were_set_by_hand_stay_and_are_told_to_be_unknown() -> Result<()> {
    let desk = Desk::still().await?;
    desk.keys(&[]).await?.has(1, &["no relay called pasarela"])?;
    desk.put(&[("RELAY_KEYS", "me=0123456789abcdef")]);
    let listed = desk.keys(&[]).await?;
    listed.has(0, &["RELAY_KEYS", "set by hand"])?;
    ensure!(listed.out.lines().count() == 1, "{listed:?}");
    let shown = desk.deployed(&["--dry-run"]).await?;
    ensure!(!shown.out.contains("RELAY_KEY_ME"), "{shown:?}");
    for number in 0..63 {
        let name = format!("RELAY_KEY_P{number}");
        desk.cloud.account().workers.get_mut("pasarela").context("gone")?.secrets.insert(name, "a".repeat(32));
    }
    desk.keys(&["new", "ana"]).await?.has(1, &["no room for another key", "64 variables"])?;
    desk.deployed(&["--key", "ana"]).await?.has(1, &["no room for another key"])?;
    ensure!(desk.cloud.changes().is_empty(), "{:?}", desk.cloud.changes());
    Ok(())
}

#[tokio::test]
async fn a_file_of_keys_is_changed_one_key_at_a_time() -> Result<()> {
    let desk = Desk::still().await?;
    let path = desk.folder.path().join("keys");
    desk.keys(&["--file", "keys"])
        .await?
        .has(2, &["the file of keys cannot be read: No such file", "which makes a new one"])?;
    desk.keys(&["new", "ana", "--file", "none/keys"]).await?.has(2, &["the file of keys cannot be changed"])?;
    let ana = desk.keys(&["new", "ana", "--file", "keys", "--json"]).await?.json()?;
    let key = ana["key"].as_str().context("no key")?;
    ensure!(fs::read_to_string(&path)? == format!("ana={key}\n"));
    ensure!(path.metadata()?.permissions().mode() & 0o777 == 0o600);
    fs::write(&path, format!("# friends\nana={key} bo=0123456789abcdef\n"))?;
    desk.keys(&["new", "cy", "--file", "keys"]).await?.has(0, &["https://HOST/#", "started again"])?;
    desk.keys(&["revoke", "ana", "--file", "keys"]).await?.has(0, &["bo\ncy\n"])?;
    let left = fs::read_to_string(&path)?;
    ensure!(left.starts_with("# friends\nbo=0123456789abcdef\ncy=") && left.lines().count() == 3, "{left}");
    desk.keys(&["revoke", "ana", "--file", "keys"]).await?.has(1, &["nobody of that name"])?;
    // There names are what the operator likes.
    desk.keys(&["new", "Maria-José", "--file", "keys"]).await?.has(0, &[])?;
    desk.keys(&["revoke", "Maria-José", "--file", "keys"]).await?.has(0, &["bo\ncy\n"])?;
    desk.keys(&["new", "a=b", "--file", "keys"]).await?.has(2, &["no blanks and no ="])?;
    ensure!(desk.keys(&["--file", "keys", "--json"]).await?.json()?["keys"] == json!(["bo", "cy"]));
    fs::write(&path, "me= bo=0123456789abcdef\n")?;
    let listed = desk.keys(&["--file", "keys"]).await?;
    listed.has(0, &["warning: me has no key there"])?;
    ensure!(listed.out == "bo\n", "{listed:?}");
    desk.keys(&["revoke", "bo", "--file", "keys"]).await?.has(1, &["nobody else has a key there"])?;
    let given = desk.keys(&["new", "me", "--file", "keys"]).await?;
    given.has(0, &["https://HOST/#"])?;
    ensure!(!given.err.contains("warning"), "{given:?}");
    fs::write(&path, "me=0123456789abcdef me=fedcba9876543210 word\n")?;
    let listed = desk.keys(&["--file", "keys"]).await?;
    ensure!(listed.err.matches("warning").count() == 1 && !listed.err.contains("word\n"), "{listed:?}");
    ensure!(desk.cloud.account().asked.is_empty(), "a file is nobody's business");
    Ok(())
}
