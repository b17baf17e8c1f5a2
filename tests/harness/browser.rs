//! A real Chromium without windows: opens pages as visitors would, and tells what they saw.
//!
//! Its driver is `tests/clients/browser`. Whoever ends the driver ends the browser: that is how the two are connected.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
    time::timeout,
};

use crate::places;

/// The driver gives up what it was told long before this, and says so.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running browser, killed with its driver when it goes out of scope.
#[derive(Debug)]
pub struct Browser {
    _driver: Child,
    wire: Mutex<Wire>,
    /// Where it keeps its profiles.
    _folder: TempDir,
}

#[derive(Debug)]
struct Wire {
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    visitors: u32,
}

/// Who looks at the page.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    /// The browser's language.
    pub locale: &'static str,
    /// Whether it runs scripts.
    pub script: bool,
    /// The window's width in pixels.
    pub width: u32,
    /// By how many seconds its clock is ahead.
    pub ahead: i64,
    /// What it says of itself and its device, if not what it is.
    pub agent: Option<&'static str>,
}

impl Default for Visitor {
    fn default() -> Self {
        Self { locale: "en-GB", script: true, width: 1280, ahead: 0, agent: None }
    }
}

/// A page of one visitor, who has a profile of his own.
#[derive(Debug)]
pub struct Page<'browser> {
    browser: &'browser Browser,
    name: u32,
}

/// An element as a reader finds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Element {
    /// What it says, or what is written in it.
    pub text: String,
    /// Whether it can be seen.
    pub visible: bool,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// What a page did unasked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    /// Everything that it asked for, WebSockets too.
    pub requests: Vec<Request>,
    /// Errors and warnings in the browser's console, violations of the Content-Security-Policy among them.
    pub complaints: Vec<String>,
    /// Cookies, and whatever else it left with the visitor.
    pub kept: Vec<String>,
}

/// What a page asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Request {
    /// From whom, and what.
    pub url: String,
    /// As JSON.
    pub headers: String,
    /// What it sent.
    pub body: String,
    /// Bytes of the answer's body as they came, compressed or not.
    pub size: u64,
}

/// What axe holds against a page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Barrier {
    /// Its rule.
    pub id: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What is to be done.
    pub help: String,
    /// The elements.
    pub r#where: Vec<String>,
}

impl Browser {
    /// Starts it.
    ///
    /// # Errors
    /// It or its driver is missing.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let mut driver = Command::new(places::made("node_modules/.bin/node")?)
            .arg(places::made("tests/clients/browser/browser.mjs")?)
            .arg(places::made("target/clients/chromium")?)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the browser's driver")?;
        let to = driver.stdin.take().context("no standard input")?;
        let from = BufReader::new(driver.stdout.take().context("no standard output")?).lines();
        Ok(Self { _driver: driver, wire: Mutex::new(Wire { to, from, visitors: 0 }), _folder: folder })
    }

    /// A visitor with an empty page.
    ///
    /// # Errors
    /// The browser does not start.
    pub async fn visit(&self, visitor: Visitor) -> Result<Page<'_>> {
        let mut wire = self.wire.lock().await;
        wire.visitors += 1;
        let page = Page { browser: self, name: wire.visitors };
        drop(wire);
        let Visitor { locale, script, width, ahead, agent } = visitor;
        let said = json!({ "locale": locale, "script": script, "width": width, "ahead": ahead, "agent": agent });
        page.ask::<()>("visit", said).await?;
        Ok(page)
    }

    async fn ask(&self, question: &Value) -> Result<Value> {
        let mut wire = self.wire.lock().await;
        wire.to.write_all(format!("{question}\n").as_bytes()).await.context("the browser's driver is gone")?;
        let line = timeout(PATIENCE, wire.from.next_line()).await.context("the browser's driver is silent")??;
        let mut answer: Value = serde_json::from_str(&line.context("the browser's driver ended; it says why above")?)?;
        if let Some(error) = answer.get("error") {
            bail!("the browser, told {question}: {}", error.as_str().unwrap_or_default());
        }
        Ok(answer.get_mut("value").map(Value::take).unwrap_or_default())
    }
}

impl Page<'_> {
    async fn ask<T: DeserializeOwned>(&self, what: &str, mut how: Value) -> Result<T> {
        for (key, value) in [("do", json!(what)), ("page", json!(self.name))] {
            how.as_object_mut().context("not an object")?.insert(key.to_owned(), value);
        }
        let value = self.browser.ask(&how).await?;
        serde_json::from_value(value).with_context(|| format!("not an answer to {what}"))
    }

    /// Loads what the relay has at a path; its fragment stays in the browser.
    ///
    /// # Errors
    /// It is not there.
    pub async fn open(&self, relay: SocketAddr, path: &str) -> Result<()> {
        let status: u16 = self.ask("open", json!({ "url": format!("http://{relay}{path}") })).await?;
        ensure!(status == 200, "{path} answers {status}");
        Ok(())
    }

    /// Follows a link to another document, and tells what the address bar says then.
    ///
    /// # Errors
    /// There is no such link, or it leads nowhere.
    pub async fn follow(&self, selector: &str) -> Result<String> {
        self.ask("follow", json!({ "selector": selector })).await
    }

    /// Loads the page again, and tells what the address bar says then.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn reload(&self) -> Result<String> {
        self.ask("reload", json!({})).await
    }

    /// Makes the window as wide as this.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn widen(&self, width: u32) -> Result<()> {
        self.ask("set", json!({ "width": width })).await
    }

    /// Changes what the visitor prefers, `light` or `dark`.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn prefer(&self, scheme: &str) -> Result<()> {
        self.ask("set", json!({ "scheme": scheme })).await
    }

    /// Clicks what must be visible and alone.
    ///
    /// # Errors
    /// It is not.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.ask("click", json!({ "selector": selector })).await
    }

    /// Writes into a field.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.ask("fill", json!({ "selector": selector, "text": text })).await
    }

    /// Presses a key where the focus is put first.
    ///
    /// # Errors
    /// There is no such element.
    pub async fn press(&self, selector: &str, key: &str) -> Result<()> {
        self.ask("press", json!({ "selector": selector, "key": key })).await
    }

    /// Waits until an element is there.
    ///
    /// # Errors
    /// It does not come.
    pub async fn wait(&self, selector: &str) -> Result<()> {
        self.ask("wait", json!({ "selector": selector })).await
    }

    /// All such elements.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn all(&self, selector: &str) -> Result<Vec<Element>> {
        self.ask("look", json!({ "selector": selector })).await
    }

    /// The only such element.
    ///
    /// # Errors
    /// There is none, or several.
    pub async fn one(&self, selector: &str) -> Result<Element> {
        let mut found = self.all(selector).await?;
        ensure!(found.len() == 1, "{} of {selector}", found.len());
        found.pop().context("none")
    }

    /// What the visitor would paste.
    ///
    /// # Errors
    /// The page may not read it.
    pub async fn clipboard(&self) -> Result<String> {
        self.ask("clipboard", json!({})).await
    }

    /// What the page did unasked so far.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn seen(&self) -> Result<Seen> {
        self.ask("seen", json!({})).await
    }

    /// Keeps a picture of the whole page in `target/shots`.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn shot(&self, name: &str) -> Result<()> {
        self.ask("shot", json!({ "file": kept_as(name) })).await
    }

    /// The same of one element.
    ///
    /// # Errors
    /// It is not there, or as above.
    pub async fn shot_of(&self, selector: &str, name: &str) -> Result<()> {
        self.ask("shot", json!({ "file": kept_as(name), "selector": selector })).await
    }

    /// What does not fit into the window's width.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn sticks_out(&self) -> Result<Vec<String>> {
        self.ask("sticksOut", json!({})).await
    }

    /// What keeps people from using the page.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn barriers(&self) -> Result<Vec<Barrier>> {
        self.ask("accessibility", json!({})).await
    }

    /// What a phone's camera reads in an element.
    ///
    /// # Errors
    /// There is no code.
    pub async fn code(&self, selector: &str) -> Result<String> {
        self.ask("code", json!({ "selector": selector })).await
    }
}

fn kept_as(name: &str) -> PathBuf {
    places::root().join("target/shots").join(format!("{name}.png"))
}
