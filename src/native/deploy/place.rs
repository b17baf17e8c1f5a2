//! What an account has: the Worker, its secrets, its names. One function a request, shaped as wrangler's.
//!
//! In which order they are made, and what is said of each, is the command line's. Those that change something are sent by a journal.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    api::{Api, ApiError, Body, Change, Meaning},
    person::random_key,
    worker::{Binding, Worker},
};

/// Somebody's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A Worker of one name in one account.
pub(crate) struct Place {
    pub(crate) api: Api,
    pub(crate) account: Account,
    pub(crate) name: String,
}

/// What is there under the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Existing {
    /// The last migration that the platform has seen.
    pub(crate) tag: Option<String>,
    /// Whether it is a relay, and not something else of the same name.
    pub(crate) is_relay: bool,
    /// Names of its variables that are no secrets.
    pub(crate) variables: Vec<String>,
    /// Names of its secrets. Nobody is told their values.
    pub(crate) secrets: Vec<String>,
}

/// That the token is one, and still good. One that belongs to an account is known there alone.
pub(crate) async fn verify(api: &Api, account: Option<&str>) -> Result<(), ApiError> {
    let token = match (api.get("/user/tokens/verify").await, account) {
        (Err(ApiError::Refused { .. }), Some(account)) => {
            api.get(&format!("/accounts/{account}/tokens/verify")).await?
        }
        (answer, _) => answer?,
    };
    match token.get("status").and_then(Value::as_str) {
        Some("active") | None => Ok(()),
        // Expired, or disabled.
        Some(_) => Err(ApiError::Over),
    }
}

/// The accounts that the token may see.
pub(crate) async fn accounts(api: &Api) -> Result<Vec<Account>, ApiError> {
    let listed = api.get("/accounts?per_page=50").await?;
    let listed = listed.as_array().into_iter().flatten();
    let found = listed.filter_map(|it| {
        let text = |key| it.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Account { id: text("id")?, name: text("name").unwrap_or_default() })
    });
    Ok(found.collect())
}

/// The names of the account's Workers that are relays.
pub(crate) async fn relays(api: &Api, account: &Account, worker: &Worker) -> Result<Vec<String>, ApiError> {
    let listed = api.get(&format!("/accounts/{}/workers/scripts", account.id)).await?;
    let mut relays = Vec::new();
    for script in listed.as_array().into_iter().flatten() {
        let text = |key| script.get(key).and_then(Value::as_str);
        // Most have no objects, and need not be asked about.
        let (Some(name), Some(_)) = (text("id"), text("migration_tag")) else { continue };
        let settings = api.get(&format!("/accounts/{}/workers/scripts/{name}/settings", account.id)).await?;
        if worker.is_like(&bindings(&settings)) {
            relays.push(name.to_owned());
        }
    }
    Ok(relays)
}

fn text(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What a Worker is bound to.
fn bindings(settings: &Value) -> Vec<Binding> {
    let bindings = settings.get("bindings").and_then(Value::as_array).into_iter().flatten();
    let binding = |it| Binding { name: text(it, "name"), kind: text(it, "type"), class: text(it, "class_name") };
    bindings.map(binding).collect()
}

impl Place {
    fn path(&self, rest: &str) -> String {
        format!("/accounts/{}/workers{rest}", self.account.id)
    }

    fn script(&self, rest: &str) -> String {
        self.path(&format!("/scripts/{}{rest}", self.name))
    }

    /// What is there already.
    pub(crate) async fn existing(&self, worker: &Worker) -> Result<Option<Existing>, ApiError> {
        let Some(service) = self.api.find(&self.path(&format!("/services/{}", self.name))).await? else {
            return Ok(None);
        };
        let tag = service.pointer("/default_environment/script/migration_tag").and_then(Value::as_str);
        let settings = self.api.get(&self.script("/settings")).await?;
        let bindings = bindings(&settings);
        let secrets = self.api.get(&self.script("/secrets")).await?;
        let secrets = secrets.as_array().into_iter().flatten();
        let variables = bindings.iter().filter(|it| ["plain_text", "json"].contains(&it.kind.as_str()));
        Ok(Some(Existing {
            tag: tag.map(str::to_owned),
            is_relay: worker.is_like(&bindings),
            variables: variables.map(|it| it.name.clone()).collect(),
            secrets: secrets.map(|secret| text(secret, "name")).collect(),
        }))
    }

    /// The account's name below workers.dev, if it has one.
    pub(crate) async fn subdomain(&self) -> Result<Option<String>, ApiError> {
        let found = self.api.find(&self.path("/subdomain")).await?;
        Ok(found.and_then(|found| Some(found.get("subdomain")?.as_str()?.to_owned())))
    }

    /// Gives it one. It stays, and is the account's for all its Workers.
    pub(crate) fn claim_subdomain(&self, name: &str) -> Change<'_> {
        let body = Body::Json(json!({ "subdomain": name }));
        self.api.change(Method::PUT, self.path("/subdomain"), body)
    }

    /// The relay's name: a domain of its own if it has one, else below the account's at workers.dev. A token that may not see
    /// domains sees none.
    pub(crate) async fn host(&self, subdomain: &str) -> Result<String, ApiError> {
        let found = match self.api.find(&self.path(&format!("/domains?service={}", self.name))).await {
            Err(error) if error.meaning() == Meaning::Rights => None,
            found => found?,
        };
        let own = found.as_ref().and_then(|found| found.pointer("/0/hostname")?.as_str());
        Ok(own.map_or_else(|| format!("{}.{subdomain}.workers.dev", self.name), str::to_owned))
    }

    /// Sends the Worker, to which the platform has seen the migrations up to this tag. Its secrets stay.
    pub(crate) fn upload(&self, worker: &Worker, seen: Option<&str>) -> Change<'_> {
        let path = self.script("?excludeScript=true&bindings_inherit=strict");
        self.api.change(Method::PUT, path, form(worker, seen))
    }

    /// Sets a secret, which is not shown even where nothing is sent.
    pub(crate) fn put_secret(&self, name: &str, text: &str) -> Change<'_> {
        let said = |text: &str| json!({ "name": name, "text": text, "type": "secret_text" });
        let (kind, bytes) = ("application/json".to_owned(), said(text).to_string().into());
        let body = Body::Other { kind, bytes, shown: said("(a new key)") };
        self.api.change(Method::PUT, self.script("/secrets"), body)
    }

    /// Takes a secret back.
    pub(crate) fn delete_secret(&self, name: &str) -> Change<'_> {
        self.api.change(Method::DELETE, self.script(&format!("/secrets/{name}")), Body::Nothing)
    }

    /// Lets it answer at workers.dev, as wrangler.toml says; or not, where it gets a name of its own.
    pub(crate) fn publish(&self, worker: &Worker, own_name: bool) -> Change<'_> {
        let body = Body::Json(worker.at_workers_dev(own_name));
        self.api.change(Method::POST, self.script("/subdomain"), body)
    }

    /// Lets it answer at a name of the account's own. What another Worker or another record has is not taken away.
    pub(crate) fn take_domain(&self, host: &str) -> Change<'_> {
        let body = Body::Json(json!({
            "override_scope": true,
            "override_existing_origin": false,
            "override_existing_dns_record": false,
            "origins": [{ "hostname": host }],
        }));
        self.api.change(Method::PUT, self.script("/domains/records"), body)
    }

    /// Takes the Worker away, with its secrets and its names. Nothing is, if another Worker needs it.
    pub(crate) fn remove(&self) -> Change<'_> {
        let path = self.path(&format!("/services/{}?force=false", self.name));
        self.api.change(Method::DELETE, path, Body::Nothing)
    }
}

/// The Worker as a form (RFC 7578), one part a module.
fn form(worker: &Worker, seen: Option<&str>) -> Body {
    let boundary = format!("form-{}", random_key());
    let metadata = worker.metadata(seen);
    let mut bytes = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n"
    )
    .into_bytes();
    for module in &worker.modules {
        let (name, kind) = (&module.name, module.kind);
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&module.bytes);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let modules = worker.modules.iter();
    let modules =
        modules.map(|module| json!({ "name": module.name, "type": module.kind, "bytes": module.bytes.len() }));
    let shown = json!({ "metadata": metadata, "modules": modules.collect::<Vec<_>>() });
    Body::Other { kind: format!("multipart/form-data; boundary={boundary}"), bytes: Bytes::from(bytes), shown }
}
