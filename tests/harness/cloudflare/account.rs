//! What an account holds, and how it changes by what is sent. No HTTP here; files of sites are `assets`'s.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use axum::http::Method;
use serde_json::{Value, json};

use super::{
    ACCOUNT,
    assets::{Assets, Store},
};
use crate::{
    form::{self, Part},
    sent::Sent,
    workerd::{Options, Script},
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its body, if that is JSON.
    pub json: Value,
}

/// A Worker as it was sent.
#[derive(Debug, Clone, Default)]
pub struct Deployed {
    /// What was said of it, each time.
    pub metadata: Vec<Value>,
    /// Its modules.
    pub modules: Vec<Part>,
    /// Its secrets.
    pub secrets: BTreeMap<String, String>,
    /// Its own variables.
    pub variables: BTreeMap<String, String>,
    /// The last migration.
    pub tag: Option<String>,
    /// Whether it answers at workers.dev.
    pub enabled: bool,
    /// Names of its own.
    pub domains: Vec<String>,
    /// The files of its site.
    pub assets: Option<Assets>,
}

/// What goes wrong, and where.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The end of the path.
    pub at: &'static str,
    /// The method.
    pub method: Method,
    /// The status; 0: there is never an answer.
    pub status: u16,
    /// The platform's number.
    pub code: u64,
}

impl Refusal {
    fn meant(&self, method: &Method, path: &str) -> bool {
        self.method == *method && path.ends_with(self.at)
    }
}

/// What is there, and what was asked.
#[derive(Debug, Default)]
pub struct Account {
    /// The Workers.
    pub workers: BTreeMap<String, Deployed>,
    /// Every request.
    pub asked: Vec<Asked>,
    /// What goes wrong.
    pub refusals: Vec<Refusal>,
    /// What goes wrong once, before that.
    pub once: Vec<Refusal>,
    /// What is done all the same, once, and answered as if it had gone wrong.
    pub unheard: Vec<Refusal>,
    /// The accounts that the token sees; one if none are named.
    pub accounts: Option<Vec<&'static str>>,
    /// The name below workers.dev.
    pub subdomain: Option<String>,
    /// Files of sites, and who is sending some.
    pub store: Store,
    /// How paths begin that a firewall rule lets through; all, if there is no rule.
    pub rule: Option<Vec<String>>,
}

impl Deployed {
    /// As workerd is to run it: what was sent, towards the simulator.
    pub(super) fn options(&self, upstream: &Options) -> Result<Options> {
        let metadata = self.metadata.last().context("nothing was sent")?;
        let objects: Vec<_> = metadata["bindings"].as_array().into_iter().flatten().cloned().collect();
        let objects: Vec<_> = objects.into_iter().filter(|it| it["type"] == "durable_object_namespace").collect();
        let bound: BTreeMap<_, _> = self.variables.iter().chain(&self.secrets).collect();
        let settings = toml::to_string(&json!({
            "compatibility_date": metadata["compatibility_date"],
            "compatibility_flags": metadata["compatibility_flags"],
            "vars": bound,
            "durable_objects": { "bindings": objects },
        }))?;
        let modules = self.modules.iter().filter(|module| module.kind != "application/source-map").cloned().collect();
        let site = self.assets.as_ref().map(Assets::module);
        let mut options = Options { script: Script::Sent(Sent { settings, modules, site }), ..upstream.clone() };
        // It is open there; here it is as it was sent.
        options.vars.retain(|(name, _)| name != "OPEN");
        Ok(options)
    }

    /// Takes a form as the platform does: what is not sent anew is kept only if that is asked for.
    fn take(&mut self, kind: &str, body: &[u8], store: &Store) -> Result<()> {
        let mut parts = form::parts(kind, body)?;
        let metadata: Value = serde_json::from_slice(&parts.remove(0).bytes).context("metadata comes first")?;
        let keeps = |kind: &str| metadata["keep_bindings"].as_array().is_some_and(|kept| kept.contains(&json!(kind)));
        if !keeps("plain_text") {
            self.variables.clear();
        }
        if !keeps("secret_text") {
            self.secrets.clear();
        }
        for binding in metadata["bindings"].as_array().into_iter().flatten() {
            if let (Some(name), Some(text)) = (binding["name"].as_str(), binding["text"].as_str()) {
                self.variables.insert(name.to_owned(), text.to_owned());
            }
        }
        if let Some(migrations) = metadata["migrations"].as_object() {
            let old = migrations.get("old_tag").and_then(Value::as_str);
            ensure!(old == self.tag.as_deref(), "migrations from {old:?}, and {:?} is there", self.tag);
            self.tag = migrations.get("new_tag").and_then(Value::as_str).map(str::to_owned);
        }
        let assets = metadata["assets"].as_object().is_some();
        self.assets = assets.then(|| store.finished(&metadata["assets"])).transpose()?;
        self.modules = parts;
        self.metadata.push(metadata);
        Ok(())
    }

    fn settings(&self) -> Value {
        let sent = self.metadata.last().and_then(|metadata| metadata["bindings"].as_array().cloned());
        let others = sent.into_iter().flatten().filter(|it| it["text"].is_null());
        let variables =
            self.variables.iter().map(|(name, text)| json!({ "name": name, "type": "plain_text", "text": text }));
        let secrets = self.secrets.keys().map(|name| json!({ "name": name, "type": "secret_text" }));
        json!({ "bindings": others.chain(variables).chain(secrets).collect::<Vec<_>>() })
    }
}

/// A status and the platform's number.
pub(super) type Refused = (u16, u64);

impl Account {
    /// What goes wrong with this, if anything does.
    pub(super) fn refusal(&mut self, method: &Method, path: &str) -> Option<Refusal> {
        let once = self.once.iter().position(|it| it.meant(method, path)).map(|index| self.once.remove(index));
        once.or_else(|| self.refusals.iter().find(|it| it.meant(method, path)).cloned())
    }

    /// What is answered to this although it was done, if anything else is.
    pub(super) fn misheard(&mut self, method: &Method, path: &str) -> Option<Refusal> {
        self.unheard.iter().position(|it| it.meant(method, path)).map(|index| self.unheard.remove(index))
    }

    pub(super) fn done(&mut self, method: &Method, path: &str, kind: &str, body: &[u8]) -> Result<Value, Refused> {
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["user", "tokens", "verify"]) => Ok(json!({ "id": "a", "status": "active" })),
            ("GET", ["accounts"]) => {
                let ids = self.accounts.clone().unwrap_or_else(|| vec![ACCOUNT]);
                Ok(ids.into_iter().map(|id| json!({ "id": id, "name": "Tests" })).collect())
            }
            ("GET", ["memberships"]) => Ok(json!([{ "id": "m", "account": { "id": ACCOUNT, "name": "Tests" } }])),
            (_, ["accounts", account, "workers", rest @ ..]) if *account == ACCOUNT => {
                self.of_workers(method, rest, kind, (&said, body))
            }
            ("GET", ["accounts", account, ..]) if *account == ACCOUNT => Ok(json!([])),
            _ => Err((404, 7003)),
        }
    }

    fn of_workers(
        &mut self,
        method: &Method,
        rest: &[&str],
        kind: &str,
        (said, body): (&Value, &[u8]),
    ) -> Result<Value, Refused> {
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        match (method.as_str(), rest) {
            ("GET", ["subdomain"]) => {
                self.subdomain.as_ref().map(|name| json!({ "subdomain": name })).ok_or((404, 10007))
            }
            ("PUT", ["subdomain"]) if self.subdomain.is_some() => Err((409, 10036)),
            ("PUT", ["subdomain"]) => {
                self.subdomain = Some(text("subdomain"));
                Ok(said.clone())
            }
            ("POST", ["scripts", _, "assets-upload-session"]) => Ok(self.store.begin(said)),
            ("POST", ["assets", "upload"]) => self.store.take(kind, body).map_err(|_| (400, 10021)),
            ("GET", ["scripts"]) => {
                let listed = self.workers.iter();
                Ok(listed.map(|(name, worker)| json!({ "id": name, "migration_tag": worker.tag })).collect())
            }
            ("PUT", ["scripts", name]) | ("POST", ["scripts", name, "versions"]) => {
                let worker = self.workers.entry((*name).to_owned()).or_default();
                worker.take(kind, body, &self.store).map_err(|_| (400, 10021))?;
                let id = "0123456789abcdef0123456789abcdef";
                Ok(
                    json!({ "id": id, "deployment_id": id, "etag": "e", "startup_time_ms": 1, "resources": { "script": { "etag": "e" } } }),
                )
            }
            ("DELETE", ["services", name]) => self.workers.remove(*name).map(|_| Value::Null).ok_or((404, 10090)),
            ("GET", ["domains"]) => {
                let domains = self.workers.values().flat_map(|worker| worker.domains.clone());
                Ok(domains.map(|host| json!({ "hostname": host })).collect())
            }
            (_, ["services" | "scripts" | "workers", name, rest @ ..]) => {
                let worker = self.workers.get_mut(*name).ok_or((404, 10007))?;
                worker.done(method, rest, said)
            }
            _ => Ok(json!([])),
        }
    }
}

impl Deployed {
    fn done(&mut self, method: &Method, rest: &[&str], said: &Value) -> Result<Value, Refused> {
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        match (method.as_str(), rest) {
            ("GET", []) => {
                let script =
                    json!({ "id": "s", "tag": "t", "migration_tag": self.tag, "last_deployed_from": "wrangler" });
                let subdomain = json!({ "enabled": self.enabled, "previews_enabled": false });
                let environment = json!({ "environment": "production", "script": script });
                Ok(json!({ "default_environment": environment, "subdomain": subdomain }))
            }
            ("GET", ["settings"]) => Ok(self.settings()),
            ("GET", ["secrets"]) => {
                Ok(self.secrets.keys().map(|name| json!({ "name": name, "type": "secret_text" })).collect())
            }
            ("PUT", ["secrets"]) => {
                self.secrets.insert(text("name"), text("text"));
                Ok(json!({ "name": text("name"), "type": "secret_text" }))
            }
            ("DELETE", ["secrets", name]) => self.secrets.remove(*name).map(|_| Value::Null).ok_or((404, 10056)),
            ("POST", ["subdomain"]) => {
                self.enabled = said["enabled"] == true;
                Ok(said.clone())
            }
            ("PUT", ["domains", "records"]) => {
                let origins = said["origins"].as_array().into_iter().flatten();
                self.domains = origins.filter_map(|it| it["hostname"].as_str().map(str::to_owned)).collect();
                Ok(json!([]))
            }
            ("GET", ["deployments"]) => Ok(json!({ "deployments": [] })),
            ("POST", ["deployments"]) => Ok(json!({ "id": "d" })),
            ("GET", ["references"]) => Ok(json!({})),
            _ => Ok(json!([])),
        }
    }
}
