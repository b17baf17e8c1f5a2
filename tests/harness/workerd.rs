//! A Worker in real workerd on a free port of this machine.
//!
//! The configuration is made from wrangler.toml, so that what is tested is what is deployed. The process is killed by its
//! pid when it goes out of scope: workerd drains on SIGTERM and keeps its port.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use pasarela_sim::Sim;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    places::{self, Runtime},
    sent::{Sent, services},
    socket::{Event, Socket},
};

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// Pasarela's relay, as built.
    Relay,
    /// The relay that panics when it is told to, and tells what it holds.
    Instrumented,
    /// Another Worker for comparison: one JavaScript module.
    Other(PathBuf),
    /// Another Worker in Rust: the folder that it was built into.
    Built(PathBuf),
    /// One as it was sent to the platform.
    Sent(Sent),
}

/// How to run it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Worker.
    pub script: Script,
    /// The runtime's version.
    pub runtime: Runtime,
    /// The port, or 0 for a free one.
    pub port: u16,
    /// Variables on top of those in wrangler.toml.
    pub vars: Vec<(String, String)>,
    /// The operator's own site, bound as ASSETS: the body that it answers to everything.
    pub site: Option<&'static str>,
    /// Whether the Worker has the Durable Objects of wrangler.toml.
    pub sessions: Sessions,
    /// The file for what it says on standard error; that is the test's own if there is none.
    pub log: Option<PathBuf>,
    /// Whether `heap` can be asked for.
    pub inspected: bool,
}

/// Durable Objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// Those of wrangler.toml, kept in memory; the Worker must export their classes.
    Bound,
    /// Bound, but the platform refuses every call to them, as when a quota is used up.
    Refused,
    /// Not bound.
    Absent,
}

impl Options {
    /// The relay, open to all, with the simulated WhatsApp as its upstreams.
    pub fn towards(sim: &Sim) -> Self {
        let vars = Vec::new();
        let (script, runtime, sessions) = (Script::Relay, Runtime::New, Sessions::Bound);
        Self { script, runtime, port: 0, vars, site: None, sessions, log: None, inspected: false }
            .var("OPEN", "1")
            .var("UPSTREAM_CHAT", &sim.chat().to_string())
            .var("UPSTREAM_WEB", &format!("http://{}/ws/chat", sim.web()))
            .var("UPSTREAM_TLS", &sim.media().to_string())
    }

    /// The same with one variable set.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.retain(|(key, _)| key != name);
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same in another version of the runtime.
    #[must_use]
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// The same with other Durable Objects.
    #[must_use]
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = sessions;
        self
    }

    /// The relay that panics when it is told to, and tells what it holds.
    #[must_use]
    pub fn instrumented(mut self) -> Self {
        self.script = Script::Instrumented;
        self
    }

    /// The same with its standard error in a file.
    #[must_use]
    pub fn log(mut self, file: &Path) -> Self {
        self.log = Some(file.to_path_buf());
        self
    }

    /// The same that lets its heap be looked into.
    #[must_use]
    pub fn inspected(mut self) -> Self {
        self.inspected = true;
        self
    }

    /// Another Worker with the same variables, and no Durable Objects.
    #[must_use]
    pub fn script(mut self, path: &str) -> Self {
        self.script = Script::Other(places::root().join(path));
        self.sessions = Sessions::Absent;
        self
    }

    /// The same of a Worker that was built into this folder.
    #[must_use]
    pub fn built(mut self, folder: &str) -> Self {
        self.script = Script::Built(places::root().join(folder));
        self.sessions = Sessions::Absent;
        self
    }
}

/// A running Worker.
#[derive(Debug)]
pub struct Workerd {
    child: Child,
    address: SocketAddr,
    inspector: Option<u16>,
    _folder: TempDir,
}

impl Workerd {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// Something is missing, or workerd ends or says nothing for 30 s.
    pub async fn start(options: &Options) -> Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        fs::write(folder.path().join("config.capnp"), config(options, folder.path())?)?;
        let stderr = options.log.as_ref().map(fs::File::create).transpose().context("no file for a log")?;
        let mut child = Command::new(options.runtime.program()?)
            .args(["serve", "--experimental", "--control-fd=1"])
            .args(options.inspected.then_some("--inspector-addr=127.0.0.1:0"))
            .arg("config.capnp")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.map_or_else(Stdio::inherit, Stdio::from))
            .kill_on_drop(true)
            .spawn()
            .context("cannot start workerd")?;
        let control = BufReader::new(child.stdout.take().context("no control channel")?);
        let ports = timeout(Duration::from_secs(30), listening(control)).await.context("workerd does not listen")??;
        let address = SocketAddr::from(([127, 0, 0, 1], ports.http));
        Ok(Self { child, address, inspector: ports.inspector, _folder: folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A WebSocket URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Bytes that JavaScript holds in its Worker, buffers included, once its garbage is collected.
    ///
    /// # Errors
    /// It is not inspected.
    pub async fn heap(&self) -> Result<u64> {
        let port = self.inspector.context("this one is not inspected")?;
        let mut inspector = Socket::connect(&format!("ws://127.0.0.1:{port}/main")).await?;
        let mut ask = async |id: u64, method: &str, params: Value, wanted: fn(&Value) -> bool| {
            let question = json!({ "id": id, "method": method, "params": params });
            inspector.send_text(question.to_string()).await?;
            loop {
                let Event::Text(text) = inspector.next().await? else { bail!("the inspector ended") };
                let said: Value = serde_json::from_str(&text)?;
                ensure!(said["error"].is_null(), "{method}: {text}");
                if wanted(&said) {
                    return Ok(said);
                }
            }
        };
        let created =
            ask(1, "Runtime.enable", json!({}), |said| said["method"] == "Runtime.executionContextCreated").await?;
        // The profiler's own collection never answers.
        let collect = json!({ "contextId": created["params"]["context"]["id"], "expression": "gc()" });
        ask(2, "Runtime.evaluate", collect, |said| said["id"] == 2).await?;
        let usage = ask(3, "Runtime.getHeapUsage", json!({}), |said| said["id"] == 3).await?;
        let number = |name| usage["result"][name].as_u64().with_context(|| format!("no {name} in {usage}"));
        Ok(number("usedSize")? + number("backingStorageSize")?)
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill workerd")
    }
}

struct Ports {
    http: u16,
    inspector: Option<u16>,
}

/// Reads the control channel up to the line that tells the port. An inspector's comes before.
async fn listening(control: BufReader<tokio::process::ChildStdout>) -> Result<Ports> {
    let mut inspector = None;
    let mut lines = control.lines();
    while let Some(line) = lines.next_line().await? {
        let event: Value = serde_json::from_str(&line)?;
        let Some(port) = event.get("port").and_then(Value::as_u64) else { continue };
        let port = u16::try_from(port).context("not a port")?;
        if event["event"] == "listen-inspector" {
            inspector = Some(port);
        } else {
            return Ok(Ports { http: port, inspector });
        }
    }
    bail!("workerd ended at once; what it says is above")
}

fn config(options: &Options, folder: &Path) -> Result<String> {
    let text = match &options.script {
        Script::Sent(sent) => sent.settings.clone(),
        Script::Relay | Script::Instrumented | Script::Other(_) | Script::Built(_) => {
            fs::read_to_string(places::root().join("wrangler.toml")).context("cannot read wrangler.toml")?
        }
    };
    let wrangler: toml::Table = text.parse().context("wrangler.toml is not TOML")?;
    let date = wrangler.get("compatibility_date").and_then(toml::Value::as_str).context("no compatibility_date")?;
    let flags =
        wrangler.get("compatibility_flags").and_then(toml::Value::as_array).context("no compatibility_flags")?;
    let flags: Vec<_> = flags.iter().map(ToString::to_string).collect();
    let mut bindings = String::new();
    for (name, value) in variables(&wrangler, &options.vars) {
        write!(bindings, "(name = {name:?}, text = {value:?}), ")?;
    }
    let sent = if let Script::Sent(sent) = &options.script { sent.site.clone() } else { None };
    let front = if sent.is_some() { "front" } else { "main" };
    let mut site = String::new();
    let all = |body| format!("export default {{ fetch() {{ return new Response({body:?}); }} }};");
    if let Some(module) = sent.or(options.site.map(all)) {
        site = services(&module, front == "front", (folder, date))?;
        write!(bindings, "(name = \"ASSETS\", service = \"site\"), ")?;
    }
    let (namespaces, objects) = durable_objects(&wrangler, options.sessions)?;
    bindings += &objects;
    Ok(format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n\
           services = [\n\
             (name = \"main\", worker = .w),\n\
             {site}\n\
             (name = \"internet\", network = (allow = [\"public\", \"private\", \"local\"])),\n\
           ],\n\
           {flags_of_v8}\n\
           sockets = [(name = \"http\", address = \"127.0.0.1:{port}\", http = (), service = \"{front}\")],\n\
         );\n\
         const w :Workerd.Worker = (\n\
           modules = [{modules}],\n\
           compatibilityDate = \"{date}\",\n\
           compatibilityFlags = [{flags}],\n\
           bindings = [{bindings}],\n\
           {namespaces}\n\
         );\n",
        flags_of_v8 = if options.inspected || options.script == Script::Instrumented {
            "v8Flags = [\"--expose-gc\"],"
        } else {
            ""
        },
        port = options.port,
        modules = modules(&options.script, folder)?,
        flags = flags.join(", "),
    ))
}

/// The variables of wrangler.toml with those of the test in their place.
fn variables(wrangler: &toml::Table, own: &[(String, String)]) -> Vec<(String, String)> {
    let table = wrangler.get("vars").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let text = |value: &toml::Value| value.as_str().map(str::to_owned);
    let shipped = table.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
    shipped.filter(|(name, _)| own.iter().all(|(key, _)| key != name)).chain(own.iter().cloned()).collect()
}

/// The Durable Objects of wrangler.toml: the Worker's namespaces with their storage, and the bindings to them.
fn durable_objects(wrangler: &toml::Table, sessions: Sessions) -> Result<(String, String)> {
    if sessions == Sessions::Absent {
        return Ok(Default::default());
    }
    let objects = wrangler.get("durable_objects").and_then(|table| table.get("bindings")?.as_array());
    let (mut namespaces, mut bindings) = (String::new(), String::new());
    for object in objects.context("no [[durable_objects.bindings]]")? {
        let text = |key| object.get(key).and_then(toml::Value::as_str).with_context(|| format!("no {key}"));
        // workerd refuses calls to a class that the Worker does not export, and only those.
        let suffix = if sessions == Sessions::Refused { "NotExported" } else { "" };
        let (name, class) = (text("name")?, format!("{}{suffix}", text("class_name")?));
        write!(namespaces, "(className = {class:?}, uniqueKey = {class:?}, enableSql = true), ")?;
        write!(bindings, "(name = {name:?}, durableObjectNamespace = {class:?}), ")?;
    }
    // In memory workerd has no SQL, whatever enableSql says; only storage on disk has.
    let namespaces = format!("durableObjectNamespaces = [{namespaces}], durableObjectStorage = (inMemory = void),");
    Ok((namespaces, bindings))
}

/// The built Worker, read once: a test may build it anew while others start it.
///
/// # Errors
/// It is not built.
pub fn relay() -> Result<&'static [(&'static str, Vec<u8>)]> {
    static FILES: OnceLock<Vec<(&str, Vec<u8>)>> = OnceLock::new();
    if let Some(files) = FILES.get() {
        return Ok(files);
    }
    let read = |name| anyhow::Ok((name, fs::read(places::made(&format!("build/{name}"))?)?));
    let files = ["index.js", "index_bg.wasm"].into_iter().map(read).collect::<Result<_>>()?;
    Ok(FILES.get_or_init(|| files))
}

/// Copies the script's files beside the configuration, the only place they may be embedded from.
fn modules(script: &Script, folder: &Path) -> Result<String> {
    match script {
        Script::Relay => {
            for (name, bytes) in relay()? {
                fs::write(folder.join(name), bytes)?;
            }
            Ok(BUILT.to_owned())
        }
        Script::Instrumented => copied(&places::made("target/edge/instrumented")?, folder),
        Script::Built(built) => copied(built, folder),
        Script::Sent(sent) => sent.write(folder),
        Script::Other(path) => {
            copy(path, &folder.join("other.mjs"))?;
            Ok("(name = \"other.mjs\", esModule = embed \"other.mjs\")".to_owned())
        }
    }
}

/// Copies a built Worker.
fn copied(built: &Path, folder: &Path) -> Result<String> {
    for name in ["index.js", "index_bg.wasm"] {
        copy(&built.join(name), &folder.join(name))?;
    }
    Ok(BUILT.to_owned())
}

/// What `cargo xtask build edge` makes, and worker-build.
const BUILT: &str = "(name = \"index.js\", esModule = embed \"index.js\"), \
                     (name = \"index_bg.wasm\", wasm = embed \"index_bg.wasm\")";

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).with_context(|| format!("no {}", from.display()))
}
