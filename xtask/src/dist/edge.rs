//! The built Worker as a folder that deploys without Rust: target/dist/edge.
//!
//! By wrangler, or by Cloudflare's deploy button once it is in a repository: that asks for every variable, with what package.json
//! says of it, and for the secrets of `.dev.vars.example`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{run::step, tree};

/// What the button shows beside each variable and secret of wrangler.toml.
const DESCRIPTIONS: [(&str, &str); 5] = [
    (
        "RELAY_KEYS",
        "Who may use the relay: `name=key` pairs with blanks between them, for example `me=` and 32 random digits. A key has 16 to 128 \
         characters of `A-Z a-z 0-9 - _ . ~`. Until there is one, the relay is closed.",
    ),
    ("OPEN", "`1`: no key needed, anybody may use the relay. Leave it at `0`."),
    ("WEB_UPSTREAM", "How library clients are carried: `wss` or `tcp`. Leave it as it is."),
    ("PROXY_HEADER", "`v1` or `v2` tell Meta the address of whoever uses the relay. Leave it at `off`."),
    ("SESSION_SHARDS", "How many Durable Objects share the tunnels. `1` serves a hundred phones or so."),
];

/// Where secrets go that nobody commits. Its key is none, so that a relay with it is closed and not open to whoever read this.
const SECRETS: &str = "\
# For `npx wrangler dev` copy this to .dev.vars. The deploy button asks for what is named here.
RELAY_KEYS=\"me=\"
";

/// Makes the folder from what is in build/.
pub(crate) fn make() -> Result<PathBuf> {
    let root = tree::root();
    let folder = root.join("target/dist/edge");
    step("make target/dist/edge", || {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("build"))?;
        for file in ["build/index.js", "build/index_bg.wasm", "LICENSE-MIT", "LICENSE-APACHE"] {
            fs::copy(root.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        fs::write(folder.join("wrangler.toml"), for_volunteers(&fs::read_to_string(root.join("wrangler.toml"))?))?;
        fs::write(folder.join("package.json"), package(&fs::read_to_string(root.join("package.json"))?)?)?;
        fs::write(folder.join(".dev.vars.example"), SECRETS)?;
        fs::write(folder.join(".gitignore"), "/node_modules\n/.wrangler\n.dev.vars\n")?;
        fs::write(folder.join("README.md"), README)?;
        Ok(())
    })?;
    Ok(folder)
}

/// The same file without what a volunteer has no use for: the build command and the developers' environment. A table's
/// comment stands above it, behind the last empty line.
fn for_volunteers(toml: &str) -> String {
    let kept = toml.split("\n\n").filter(|block| {
        let header = block.lines().find(|line| line.starts_with('['));
        !header.is_some_and(|header| header == "[build]" || header.trim_start_matches('[').starts_with("env."))
    });
    kept.collect::<Vec<_>>().join("\n\n").trim_end().to_owned() + "\n"
}

/// Only wrangler, at the same version, and what the button shows.
fn package(json: &str) -> Result<String> {
    let whole: Value = serde_json::from_str(json)?;
    let wrangler = whole.pointer("/devDependencies/wrangler").context("package.json pins no wrangler")?;
    let bindings: serde_json::Map<_, _> = DESCRIPTIONS
        .iter()
        .map(|(name, description)| ((*name).to_owned(), json!({ "description": description })))
        .collect();
    let own = json!({
        "name": "pasarela",
        "private": true,
        "version": tree::of_all_packages("version")?,
        "license": tree::of_all_packages("license")?,
        "scripts": { "deploy": "wrangler deploy" },
        "devDependencies": { "wrangler": wrangler },
        "cloudflare": { "bindings": bindings },
    });
    Ok(serde_json::to_string_pretty(&own)? + "\n")
}

const README: &str = "\
# Pasarela's relay, built

Read Cloudflare's terms first: they forbid \"a virtual private network or other similar proxy services\", and a plain reading may cover a relay
for WhatsApp. The risk is yours; use an account on which nothing else depends.

## On your computer

1. Change `name` in wrangler.toml to a word that says nothing: it becomes the first part of the address, which networks see
2. `npm install` (Node.js 22.12 or newer), then `npx wrangler login`
3. `npx wrangler deploy`
4. `npx wrangler secret put RELAY_KEYS` and type `me=` and a key of 16 to 128 letters and digits

Then open the address that wrangler printed. What may be changed is explained in wrangler.toml.

## By Cloudflare's button

1. Put this folder into a public repository of yours on GitHub or GitLab.
2. Open `https://deploy.workers.cloudflare.com/?url=` with the repository's address behind it.
3. Beside `RELAY_KEYS` type `me=` and a key of 16 to 128 letters and digits. Leave the rest as it is.
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_button_describes_every_variable_and_no_other() {
        let text = fs::read_to_string(tree::root().join("wrangler.toml")).expect("wrangler.toml");
        let file: toml::Table = for_volunteers(&text).parse().expect("TOML");
        assert!(!file.contains_key("build") && !file.contains_key("env"), "a volunteer builds nothing");
        let vars = file.get("vars").and_then(toml::Value::as_table).expect("variables");
        let asked: BTreeSet<_> = vars.keys().map(String::as_str).chain(["RELAY_KEYS"]).collect();
        assert_eq!(asked, DESCRIPTIONS.iter().map(|(name, _)| *name).collect());
        assert!(SECRETS.contains("\nRELAY_KEYS="));
        let json = package(r#"{ "devDependencies": { "wrangler": "1.2.3" } }"#).expect("a package");
        let json: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json.pointer("/devDependencies/wrangler"), Some(&json!("1.2.3")));
        assert!(json.pointer("/cloudflare/bindings/RELAY_KEYS/description").is_some());
    }
}
