//! Files of sites as the platform takes them: what is missing, what comes, the tokens for it; and a module that shows them.
//!
//! That finds files by their exact paths and as a folder's index.html. What else the platform makes of names and of `_headers` and
//! `_redirects` is not done here.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::form;

/// So many files are asked for at once, so that a small site comes in several requests, too.
const AT_ONCE: usize = 2;

/// A file as it was sent: its type, if it has one, and its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its type.
    pub kind: Option<String>,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The files of a Worker's site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    /// By their paths.
    pub files: BTreeMap<String, File>,
    /// What was said of all of them.
    pub config: Value,
}

/// Answers with files, and where there is none by the Worker behind it or, if that asks, as the operator said.
const SHOW: &str = r#"
const find = (path) => FILES[path] ?? FILES[path + "index.html"];
const say = (file, status) => new Response(
  Uint8Array.from(atob(file.bytes), (letter) => letter.charCodeAt(0)),
  { status, headers: file.kind ? { "content-type": file.kind } : {} },
);
export default {
  fetch(request, env) {
    const file = find(decodeURIComponent(new URL(request.url).pathname));
    if (file) return say(file, 200);
    if (env.WORKER) return env.WORKER.fetch(request);
    const page = CONFIG.not_found_handling === "404-page" && FILES["/404.html"];
    return page ? say(page, 404) : new Response(null, { status: 404 });
  },
};
"#;

impl Assets {
    /// The module that shows them.
    pub(super) fn module(&self) -> String {
        let file = |(path, file): (&String, &File)| {
            (path.clone(), json!({ "kind": file.kind, "bytes": BASE64_STANDARD.encode(&file.bytes) }))
        };
        let files = Value::Object(self.files.iter().map(file).collect());
        format!("const FILES = {files};\nconst CONFIG = {};\n{SHOW}", self.config)
    }
}

/// What an account keeps.
#[derive(Debug, Default)]
pub struct Store {
    files: BTreeMap<String, File>,
    /// What was announced, by the token that it was answered with. The last is the one that is being sent.
    manifests: BTreeMap<String, Value>,
    latest: String,
}

impl Store {
    /// Whether this token is the one for files that are missing.
    pub(super) fn is_for_files(&self, token: &str) -> bool {
        !self.latest.is_empty() && token == format!("files.{}", self.latest)
    }

    /// Somebody announces a site. The same one is given the same token.
    pub(super) fn begin(&mut self, said: &Value) -> Value {
        let manifest = said["manifest"].clone();
        let digest = Sha256::digest(manifest.to_string());
        self.latest = digest.iter().fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
        self.manifests.insert(self.latest.clone(), manifest);
        let missing = self.missing();
        let kind = if missing.is_empty() { "done" } else { "files" };
        json!({ "jwt": format!("{kind}.{}", self.latest), "buckets": missing.chunks(AT_ONCE).collect::<Vec<_>>() })
    }

    /// Takes files that were asked for.
    pub(super) fn take(&mut self, kind: &str, body: &[u8]) -> Result<Value> {
        let missing = self.missing();
        for part in form::parts(kind, body)? {
            ensure!(missing.contains(&part.name), "nobody asked for {}", part.name);
            let bytes = BASE64_STANDARD.decode(&part.bytes)?;
            let sizes = self.manifest().filter(|(_, said)| said["hash"] == part.name.as_str());
            ensure!(sizes.into_iter().all(|(_, said)| said["size"] == bytes.len()), "{} has another size", part.name);
            let kind = Some(part.kind).filter(|kind| kind != "application/null");
            self.files.insert(part.name, File { kind, bytes });
        }
        let done = self.missing().is_empty();
        Ok(json!({ "jwt": done.then(|| format!("done.{}", self.latest)) }))
    }

    /// The site that a Worker is sent with.
    pub(super) fn finished(&self, said: &Value) -> Result<Assets> {
        let token = said["jwt"].as_str().and_then(|token| token.strip_prefix("done.")).context("no token")?;
        let manifest = self.manifests.get(token).and_then(Value::as_object).context("a token of nobody's")?;
        let file = |(path, said): (&String, &Value)| {
            let file = said["hash"].as_str().and_then(|hash| self.files.get(hash)).context("a file is missing")?;
            Ok((path.clone(), file.clone()))
        };
        Ok(Assets { files: manifest.iter().map(file).collect::<Result<_>>()?, config: said["config"].clone() })
    }

    fn manifest(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.manifests.get(&self.latest).and_then(Value::as_object).into_iter().flatten()
    }

    fn missing(&self) -> Vec<String> {
        let hashes = self.manifest().filter_map(|(_, said)| said["hash"].as_str());
        let mut missing: Vec<_> = hashes.filter(|hash| !self.files.contains_key(*hash)).map(str::to_owned).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }
}
