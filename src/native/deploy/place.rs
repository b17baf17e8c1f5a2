//! What an account has: the Worker, its secrets, its names. One function a request, shaped as wrangler's.
//!
//! In which order they are made, and what is said of each, is the command line's. Those that change something are sent by a journal.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    api::{Api, ApiError, Body, Change, Failed, Meaning},
    form::Form,
    site::{Site, UnusableSite},
    token::Token,
    worker::{ASSETS, Binding, Worker},
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
    /// Whether it has files of a site.
    pub(crate) has_site: bool,
    /// Names of its variables that are no secrets.
    pub(crate) variables: Vec<String>,
    /// Names of its secrets. Nobody is told their values.
    pub(crate) secrets: Vec<String>,
}

/// A site whose files the platform has, until a Worker is sent along with this token.
pub(crate) struct Stored {
    /// None if nothing was sent.
    token: Option<Token>,
    /// How many it did not have before.
    pub(crate) sent: usize,
}

/// Why a site's files are not stored.
pub(crate) enum Unstored {
    Api(ApiError),
    Site(UnusableSite),
}

impl From<Failed> for Unstored {
    fn from(failed: Failed) -> Self {
        Self::Api(failed.error)
    }
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
            has_site: bindings.iter().any(|it| it.kind == ASSETS),
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

    /// Has the platform keep the files of a site that it has not yet. It shows them to nobody before a Worker is sent with them, and what
    /// is there stays as it is; so no journal tells of it.
    pub(crate) async fn store(&self, site: &Site) -> Result<Stored, Unstored> {
        let begin = self.api.change(Method::POST, self.script("/assets-upload-session"), Body::Json(site.manifest()));
        if begin.plan() {
            return Ok(Stored { token: None, sent: 0 });
        }
        let session = begin.send().await?;
        let mut token = made(&session).ok_or_else(odd)?;
        let lists = session.get("buckets").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_array);
        let lists: Vec<_> = lists.filter(|list| !list.is_empty()).collect();
        let mut last = None;
        for list in &lists {
            let mut form = Form::new();
            for hash in *list {
                if !site.put(hash.as_str().unwrap_or_default(), &mut form).map_err(Unstored::Site)? {
                    return Err(odd());
                }
            }
            let (kind, bytes) = form.end();
            let body = Body::Other { kind, bytes, shown: Value::Null };
            let upload = self.api.change(Method::POST, self.path("/assets/upload?base64=true"), body);
            last = made(&upload.by(&token).send().await?).or(last);
        }
        // Where nothing is missing, the first answer is the last.
        if !lists.is_empty() {
            token = last.ok_or_else(odd)?;
        }
        Ok(Stored { token: Some(token), sent: lists.iter().map(|list| list.len()).sum() })
    }

    /// Sends the Worker, to which the platform has seen the migrations up to this tag, with its site if it has one. Its secrets stay.
    pub(crate) fn upload(&self, worker: &Worker, seen: Option<&str>, stored: Option<&Stored>) -> Change<'_> {
        let path = self.script("?excludeScript=true&bindings_inherit=strict");
        self.api.change(Method::PUT, path, form(worker, seen, stored))
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

/// What the API says cannot be all.
const fn odd() -> Unstored {
    Unstored::Api(ApiError::NotApi(StatusCode::OK))
}

/// A token that the API has made.
fn made(answer: &Value) -> Option<Token> {
    Token::read(answer.get("jwt")?.as_str()?).ok()
}

/// The Worker as a form, one part a module.
fn form(worker: &Worker, seen: Option<&str>, stored: Option<&Stored>) -> Body {
    let stored = stored.map(|stored| stored.token.as_ref().map_or("(a token for the files)", Token::text));
    let metadata = worker.metadata(seen, stored);
    let mut form = Form::new();
    form.say("metadata", &metadata.to_string());
    for module in &worker.modules {
        form.file(&module.name, module.kind, &module.bytes);
    }
    let modules = worker.modules.iter();
    let modules =
        modules.map(|module| json!({ "name": module.name, "type": module.kind, "bytes": module.bytes.len() }));
    let shown = json!({ "metadata": metadata, "modules": modules.collect::<Vec<_>>() });
    let (kind, bytes) = form.end();
    Body::Other { kind, bytes, shown }
}
