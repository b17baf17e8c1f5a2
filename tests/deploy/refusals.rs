//! What the API refuses, each in words with what to try, and what was done up to then.

use std::{fs, net::TcpListener, process::Stdio};

use anyhow::{Context, Result, ensure};
use axum::http::Method;
use pasarela_e2e::{
    cloudflare::{ACCOUNT, Deployed, Refusal, SUBDOMAIN, TOKEN},
    places,
};
use tokio::{io::AsyncWriteExt, time::timeout};

use super::{Desk, LIMIT, finish, told};

fn refusal(method: Method, at: &'static str, status: u16, code: u64) -> Refusal {
    Refusal { at, method, status, code }
}

#[tokio::test]
async fn each_refusal_says_what_it_means_and_what_was_done() -> Result<()> {
    let script = "/scripts/pasarela";
    for (refusal, words) in [
        (
            refusal(Method::GET, "/tokens/verify", 401, 1000),
            ["the token cannot be used", "a new token", "Nothing was changed"],
        ),
        (
            refusal(Method::GET, "/accounts", 403, 9109),
            ["the account cannot be found", "Edit Cloudflare Workers", "Nothing was changed"],
        ),
        (
            refusal(Method::PUT, script, 403, 10000),
            ["the Worker cannot be sent", "Edit Cloudflare Workers", "Nothing was changed"],
        ),
        (
            refusal(Method::PUT, script, 403, 10353),
            ["the Worker cannot be sent", "another account", "Nothing was changed"],
        ),
        (
            refusal(Method::PUT, script, 403, 10034),
            ["the Worker cannot be sent", "confirming the address", "Nothing was changed"],
        ),
        (refusal(Method::PUT, script, 400, 10037), ["the Worker cannot be sent", "100 Workers", "Nothing was changed"]),
        (
            refusal(Method::PUT, script, 429, 971),
            ["the Worker cannot be sent", "again in some minutes", "Nothing was changed"],
        ),
        (
            refusal(Method::PUT, "/secrets", 400, 10055),
            ["the key cannot be set", "some 60 keys", "worker: sent as pasarela"],
        ),
        (
            refusal(Method::POST, "/subdomain", 400, 10063),
            ["answer at workers.dev", "tell us the number", "key: given to me"],
        ),
        (
            refusal(Method::PUT, "/domains/records", 409, 100_117),
            ["cannot be given its domain", "another name", "key: given to me"],
        ),
    ] {
        let desk = Desk::still().await?;
        let code = refusal.code;
        desk.cloud.account().refusals.push(refusal);
        let ended = desk.deployed(&["--domain", "bicycles.example.org"]).await?;
        ended.has(1, &words).with_context(|| format!("{code}"))?;
        ensure!(ended.err.contains(&format!("({code})")) && ended.err.contains("\n  try: "), "{ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_fault_of_the_apis_own_is_met_by_trying_again() -> Result<()> {
    let desk = Desk::still().await?;
    desk.cloud.account().refusals.push(refusal(Method::PUT, "/scripts/pasarela", 500, 10013));
    desk.deployed(&[]).await?.has(1, &["cannot be sent", "again in some minutes"])?;
    ensure!(desk.cloud.changes().len() == 3, "{:?}", desk.cloud.changes());
    // What failed may have been done all the same, whatever is said the second time.
    desk.cloud.account().once = vec![refusal(Method::PUT, "/scripts/pasarela", 500, 10013)];
    desk.cloud.account().refusals = vec![refusal(Method::PUT, "/scripts/pasarela", 403, 10000)];
    desk.deployed(&[]).await?.has(1, &["cannot be sent", "perhaps worker: sent as pasarela"])
}

/// The names below workers.dev that were asked for.
fn drawn(desk: &Desk) -> Vec<String> {
    let account = desk.cloud.account();
    let claims = account.asked.iter().filter(|it| it.method == Method::PUT && it.path.ends_with("/workers/subdomain"));
    claims.filter_map(|it| it.json["subdomain"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn each_name_that_may_have_been_given_is_told_whatever_is_drawn_after_it() -> Result<()> {
    let desk = Desk::still().await?;
    let claim = |status, code| refusal(Method::PUT, "/workers/subdomain", status, code);
    desk.cloud.account().subdomain = None;
    // The first may have been heeded, the second was for certain not.
    desk.cloud.account().once = vec![claim(500, 10013), claim(409, 10031), claim(409, 10031)];
    desk.cloud.account().refusals = vec![refusal(Method::PUT, "/scripts/pasarela", 403, 10000)];
    let ended = desk.deployed(&[]).await?;
    let names = drawn(&desk);
    let [first, again, second, third] = names.as_slice() else { anyhow::bail!("{names:?}") };
    let perhaps = format!("perhaps workers.dev: the account is called {first} there");
    ended.has(1, &["cannot be sent", &perhaps, &format!("Done so far: workers.dev: the account is called {third}")])?;
    ensure!(first == again && !ended.err.contains(second), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn a_name_that_was_given_without_an_answer_is_taken_as_it_is() -> Result<()> {
    let desk = Desk::new().await?;
    desk.cloud.account().subdomain = None;
    desk.cloud.account().unheard = vec![refusal(Method::PUT, "/workers/subdomain", 500, 10013)];
    let ended = desk.deployed(&["--subdomain", SUBDOMAIN]).await?;
    ended.has(0, &["All well"])?;
    ensure!(drawn(&desk) == [SUBDOMAIN, SUBDOMAIN], "{:?}", drawn(&desk));
    Ok(())
}

#[tokio::test]
async fn without_a_network_or_an_account_nothing_is_done() -> Result<()> {
    let desk = Desk::still().await?;
    // Nobody else gets this port as long as it is bound, and nobody listens.
    let bound = TcpListener::bind("127.0.0.1:0")?;
    let nobody = format!("http://{}", bound.local_addr()?);
    drop(bound);
    let mut command = desk.deploy(&[])?;
    command.env("CLOUDFLARE_API_BASE_URL", &nobody);
    finish(command).await?.has(1, &["the token cannot be used", "nothing answers", "this machine is online"])?;
    for base in ["http://api.cloudflare.com/client/v4", "nowhere"] {
        let mut command = desk.deploy(&[])?;
        command.env("CLOUDFLARE_API_BASE_URL", base);
        finish(command).await?.has(2, &["CLOUDFLARE_API_BASE_URL cannot be used", "https://"])?;
    }
    desk.cloud.account().accounts = Some(Vec::new());
    desk.deployed(&[]).await?.has(1, &["the token sees no account", "Account Resources"])?;
    desk.cloud.account().accounts = Some(vec!["one", "two"]);
    desk.deployed(&[]).await?.has(2, &["1  one  Tests", "2  two  Tests", "--account"])?;
    desk.cloud.account().accounts = Some(vec!["one", ACCOUNT]);
    // Whoever has said yes to all is not asked.
    let root = places::root();
    let mut child = desk
        .command(&["deploy", "--dry-run", "--ca", "ca.pem", "--worker"])?
        .arg(root)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no input")?;
    input.write_all(b"3\nsecond\n2\n").await?;
    drop(input);
    told(timeout(LIMIT, child.wait_with_output()).await??)?.has(0, &["This would be sent"])?;
    ensure!(desk.cloud.changes().is_empty(), "{:?}", desk.cloud.changes());
    Ok(())
}

#[tokio::test]
async fn another_worker_of_the_same_name_is_left_alone() -> Result<()> {
    let desk = Desk::still().await?;
    let shop = Deployed { metadata: vec![serde_json::json!({ "bindings": [] })], ..Deployed::default() };
    desk.cloud.account().workers.insert("pasarela".to_owned(), shop);
    for more in [&[][..], &["--remove"]] {
        desk.deployed(more).await?.has(1, &["is no relay", "--name"])?;
    }
    ensure!(desk.cloud.changes().is_empty(), "{:?}", desk.cloud.changes());
    Ok(())
}

#[tokio::test]
async fn a_token_comes_from_a_file_too_and_a_wrong_one_is_never_shown() -> Result<()> {
    let desk = Desk::still().await?;
    fs::write(desk.folder.path().join("token"), format!("{TOKEN}\n"))?;
    let shown = |file: &'static str| {
        let mut command = desk.command(&["deploy", "--dry-run", "--token-file", file])?;
        command.env_remove("CLOUDFLARE_API_TOKEN");
        anyhow::Ok(command)
    };
    finish(shown("token")?).await?.has(0, &["This would be sent"])?;
    finish(shown("nothing")?).await?.has(2, &["no usable API token", "nothing: "])?;
    fs::write(desk.folder.path().join("words"), "two words")?;
    finish(shown("words")?).await?.has(2, &["no usable API token", "one word"])?;
    let mut command = desk.command(&["deploy", "--dry-run"])?;
    finish({
        command.env_remove("CLOUDFLARE_API_TOKEN");
        command
    })
    .await?
    .has(2, &["no terminal to ask at", "CLOUDFLARE_API_TOKEN"])?;
    // The API repeats what it was sent.
    let wrong = format!("{TOKEN}X");
    let mut command = desk.command(&["deploy", "--dry-run", "-vv"])?;
    command.env("CLOUDFLARE_API_TOKEN", &wrong);
    finish(command).await?.has(1, &["the token cannot be used", "(the token)"])
}

#[tokio::test]
async fn a_command_line_that_is_not_right_is_refused_before_anything_is_asked() -> Result<()> {
    let desk = Desk::still().await?;
    for (arguments, words) in [
        (&["--name", "Bicycles"][..], "--name"),
        (&["--account", "../x"], "--account"),
        (&["--subdomain", "a.b"], "--subdomain"),
        (&["--domain", "localhost"], "--domain"),
        (&["--link-with", "nonsense=1"], "--link-with"),
        (&["--link-with", "ech=AAAA"], "--link-with"),
        (&["--key", "maria-jose"], "a name has"),
        (&["--remove", "--key", "ana"], "cannot be used with"),
    ] {
        let line = [&["deploy", "--yes"], arguments].concat();
        finish(desk.command(&line)?).await?.has(2, &[words])?;
    }
    ensure!(desk.cloud.account().asked.is_empty());
    Ok(())
}
