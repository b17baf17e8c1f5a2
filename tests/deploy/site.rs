//! The operator's own site, sent along: as wrangler sends it, kept, changed, taken away.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use axum::http::Method;
use pasarela_e2e::{
    cloudflare::{Assets, Cloudflare, Refusal},
    http,
};
use pasarela_sim::{Sim, SimConfig};
use serde_json::json;

use super::{
    Desk, key_of,
    wrangler::{KEY, meant, project, wrangler},
};

/// What our program knows the type of, and what it does not.
const ENDS: &str = "html htm css js mjs json map txt md csv xml svg png jpg jpeg gif webp avif ico woff woff2 ttf otf mp3 ogg mp4 \
                    webm pdf zip webmanifest wasm nobodysend";

/// What is left out, with rules that take some of it back.
const IGNORE: &str = "drafts\n!drafts/a.txt\n/keep/*\n!/keep/x.txt\n# all of these\n*.MD\n\nsub/**/old.*  \n";

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().context("no folder")?)?;
    Ok(fs::write(path, text)?)
}

/// A site with everything that is treated in a way of its own.
fn site(folder: &Path) -> Result<()> {
    for (name, text) in [
        ("index.html", "<h1>Bicycles</h1>"),
        ("404.html", "no such bicycle"),
        ("sub/index.html", "more"),
        ("sub/deep/deeper/old.html", "ignored"),
        ("drafts/a.txt", "ignored"),
        ("keep/x.txt", "kept"),
        ("keep/y.txt", "ignored"),
        ("notes.md", "ignored"),
        ("same-1.txt", "the same"),
        ("same-2.txt", "the same"),
        ("none", "no end"),
        ("ends.", "with a dot"),
        ("CAPITALS.HTML", "large"),
        ("with space & é.txt", "a name"),
        ("empty.txt", ""),
        (".well-known/security.txt", "Contact: nobody"),
        ("_headers", "/*\n  X-Frame-Options: DENY\n"),
        ("_redirects", "/old /sub/ 301\n"),
        (".assetsignore", IGNORE),
    ] {
        write(folder, name, text)?;
    }
    ENDS.split_whitespace().try_for_each(|end| write(folder, &format!("kinds/a.{end}"), end))
}

fn assets(cloud: &Cloudflare) -> Result<Assets> {
    cloud.worker("pasarela")?.assets.context("no site")
}

#[tokio::test]
async fn wrangler_and_the_program_send_the_same_site() -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let theirs = Cloudflare::start(Some(&sim)).await?;
    let folder = project()?;
    site(&folder.path().join("site"))?;
    let toml = fs::read_to_string(folder.path().join("wrangler.toml"))?;
    // What is commented out there, as it says.
    let toml = toml.replace("# SITE = \"none\"", "SITE = \"own\"");
    let commented = "# [assets]\n# directory = \"site\"\n# binding = \"ASSETS\"\n# not_found_handling = \"404-page\"\n";
    ensure!(toml.contains(commented) && toml.contains("\nSITE = \"own\""), "{toml}");
    fs::write(folder.path().join("wrangler.toml"), toml.replace(commented, &commented.replace("# ", "")))?;
    wrangler(&theirs, &folder, &["deploy"], "").await?;
    wrangler(&theirs, &folder, &["secret", "put", "RELAY_KEY_ME"], KEY).await?;

    let ours = Desk::new().await?;
    site(&ours.folder.path().join("site"))?;
    // Whoever has such files means them for nobody.
    write(ours.folder.path(), "site/.git/config", "secret")?;
    write(ours.folder.path(), "site/.env", "secret")?;
    let told = ours.deployed(&["--json", "--site", "site"]).await?;
    told.has(0, &["\"verdict\":\"ok\""])?;
    let (object, files) = (told.json()?, assets(&theirs)?.files.len());
    ensure!(object["site"] == json!({ "files": files, "sent": files - 1 }), "{object}, not {files}");

    ensure!(assets(&theirs)? == assets(&ours.cloud)?, "{:#?}\nis not\n{:#?}", assets(&theirs)?, assets(&ours.cloud)?);
    let said = |cloud: &Cloudflare| anyhow::Ok(meant(cloud.worker("pasarela")?.metadata.remove(0)));
    ensure!(said(&theirs)? == said(&ours.cloud)?, "{:#}\nis not\n{:#}", said(&theirs)?, said(&ours.cloud)?);
    let key = object["links"]["me"].as_str().map(key_of).context("no link")??;
    for (their_path, our_path, status, body) in [
        ("/".to_owned(), "/".to_owned(), 200, "<h1>Bicycles</h1>"),
        ("/sub/".to_owned(), "/sub/".to_owned(), 200, "more"),
        ("/nothing".to_owned(), "/nothing".to_owned(), 404, "no such bicycle"),
        ("/_headers".to_owned(), "/_headers".to_owned(), 404, "no such bicycle"),
        (format!("/{KEY}x/"), format!("/{key}x/"), 404, "no such bicycle"),
        (format!("/{KEY}/status.json"), format!("/{key}/status.json"), 200, "{"),
    ] {
        for (address, path) in [(theirs.running()?, &their_path), (ours.cloud.running()?, &our_path)] {
            let answer = http::request(address, "GET", path, &[]).await?;
            ensure!(answer.status() == status && answer.body.contains(body), "{path}: {answer:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_site_is_kept_up_to_date_and_never_lost_unasked() -> Result<()> {
    let desk = Desk::new().await?;
    let folder = desk.folder.path().join("site");
    for name in ["index.html", "a.txt", "b.txt"] {
        write(&folder, name, name)?;
    }
    desk.deployed(&["--site", "site"]).await?.has(0, &["3 files, of which 3 had to be sent", "All well"])?;
    write(&folder, "b.txt", "changed")?;
    desk.deployed(&["--site", "site"]).await?.has(0, &["3 files, of which 1 had to be sent"])?;
    desk.deployed(&["--site", "site"]).await?.has(0, &["3 files, of which 0 had to be sent"])?;
    let before = desk.cloud.changes().len();
    desk.deployed(&[]).await?.has(2, &["shows a site of yours", "--no-site", "Nothing was changed"])?;
    ensure!(desk.cloud.changes().len() == before && assets(&desk.cloud)?.files["/b.txt"].bytes == b"changed");
    desk.deployed(&["--no-site"]).await?.has(0, &["all keys are as they were"])?;
    let worker = desk.cloud.worker("pasarela")?;
    ensure!(worker.assets.is_none() && worker.variables["SITE"] == "none", "{worker:?}");
    ensure!(http::request(desk.cloud.running()?, "GET", "/", &[]).await?.status() == 404);
    desk.deployed(&[]).await?.has(0, &["all keys are as they were"])
}

#[tokio::test]
async fn a_site_is_shown_before_it_is_sent_and_a_refusal_changes_nothing() -> Result<()> {
    let desk = Desk::still().await?;
    let wrong = desk.deployed(&["--site", "nothing"]).await?;
    wrong.has(2, &["the site cannot be sent", "nothing: ", "index.html"])?;
    write(desk.folder.path(), "site/index.html", "bicycles")?;
    let shown = desk.deployed(&["--dry-run", "--json", "--site", "site"]).await?.json()?;
    let [session, upload] = [&shown["dry_run"][0], &shown["dry_run"][1]];
    ensure!(session["path"].as_str().is_some_and(|path| path.ends_with("/assets-upload-session")), "{shown:#}");
    ensure!(session["body"]["manifest"]["/index.html"]["size"] == 8, "{shown:#}");
    let metadata = &upload["body"]["metadata"];
    ensure!(metadata["assets"]["config"] == json!({ "not_found_handling": "404-page" }), "{shown:#}");
    ensure!(metadata["bindings"].to_string().contains("\"ASSETS\"") && desk.cloud.changes().is_empty(), "{shown:#}");
    for (at, status, code) in [("/assets-upload-session", 403, 10000), ("/assets/upload", 413, 10021)] {
        desk.cloud.account().refusals = vec![Refusal { at, method: Method::POST, status, code }];
        let ended = desk.deployed(&["--site", "site"]).await?;
        ended.has(1, &["the site's files cannot be sent", &format!("({code})"), "Nothing was changed."])?;
        ensure!(desk.cloud.account().workers.is_empty(), "{ended:?}");
    }
    Ok(())
}
