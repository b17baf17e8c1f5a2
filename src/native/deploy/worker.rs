//! The Worker that is sent: its modules, and what wrangler.toml says of it as the API wants to hear it.
//!
//! It is the one in this program or one in a folder. A setting of wrangler.toml that is not known here is refused rather than
//! left out: the Worker would not be the same.

use std::{
    fmt, fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

use super::site::Site;

mod built {
    include!(concat!(env!("OUT_DIR"), "/worker.rs"));
}

const SETTINGS: &str = include_str!("../../../wrangler.toml");

/// What is known of wrangler.toml. `build` and `env` are a developer's.
const KNOWN: [&str; 12] = [
    "name",
    "main",
    "compatibility_date",
    "compatibility_flags",
    "keep_vars",
    "workers_dev",
    "preview_urls",
    "observability",
    "vars",
    "durable_objects",
    "migrations",
    "build",
];
const DEVELOPERS: &str = "env";

/// A Worker, ready to be sent.
pub(crate) struct Worker {
    settings: Map<String, Value>,
    /// The main module first.
    pub(super) modules: Vec<Module>,
    /// What it shows to strangers.
    pub(crate) site: Option<Site>,
}

/// Something that a Worker is bound to.
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) kind: String,
    /// Of an object.
    pub(super) class: String,
}

/// One of its modules.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Why there is no Worker to send.
#[derive(Debug)]
pub(crate) enum UnusableWorker {
    /// This program was built without one.
    NotBuiltIn,
    /// A file of the folder.
    File(PathBuf, io::Error),
    /// This setting, in wrangler.toml.
    Setting(String),
}

impl fmt::Display for UnusableWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuiltIn => f.write_str("this program was built without one"),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Setting(name) => write!(f, "wrangler.toml: \"{name}\" is missing, or not as this program knows it"),
        }
    }
}

impl std::error::Error for UnusableWorker {}

impl Worker {
    /// The one in this program.
    pub(crate) fn built_in() -> Result<Self, UnusableWorker> {
        let (Some(script), Some(wasm)) = (built::SCRIPT, built::WASM) else { return Err(UnusableWorker::NotBuiltIn) };
        let unpacked = |packed| {
            let mut bytes = Vec::new();
            let read = GzDecoder::new(packed).read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|error| UnusableWorker::File("the Worker in this program".into(), error))
        };
        let settings = settings(SETTINGS)?;
        let name = main_name(&settings)?;
        let wasm = Module { name: "index_bg.wasm".to_owned(), kind: WASM, bytes: unpacked(wasm)? };
        let script = Module { name, kind: SCRIPT, bytes: unpacked(script)? };
        Ok(Self { settings, modules: vec![script, wasm], site: None })
    }

    /// What wrangler.toml says, without any module to send.
    pub(crate) fn settings_alone() -> Result<Self, UnusableWorker> {
        Ok(Self { settings: settings(SETTINGS)?, modules: Vec::new(), site: None })
    }

    /// One in a folder with a wrangler.toml, as `cargo xtask dist edge` makes it.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self, UnusableWorker> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |error| UnusableWorker::File(path, error)
        };
        let file = folder.join("wrangler.toml");
        let settings = settings(&fs::read_to_string(&file).map_err(failed(&file))?)?;
        let main = folder.join(text(&settings, "main")?);
        let bytes = fs::read(&main).map_err(failed(&main))?;
        let mut modules = vec![Module { name: main_name(&settings)?, kind: SCRIPT, bytes }];
        let beside = main.with_file_name("");
        for entry in fs::read_dir(&beside).map_err(failed(&beside))? {
            let path = entry.map_err(failed(&beside))?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                modules.push(Module { name, kind: WASM, bytes: fs::read(&path).map_err(failed(&path))? });
            }
        }
        Ok(Self { settings, modules, site: None })
    }

    /// The same that shows strangers this site, or nothing, whatever the one before did.
    pub(crate) fn showing(mut self, site: Option<Site>) -> Self {
        let shown = if site.is_some() { "own" } else { "none" };
        let variables = self.settings.entry("vars").or_insert_with(|| json!({}));
        variables["SITE"] = shown.into();
        self.site = site;
        self
    }

    /// What it is called if nobody says otherwise.
    pub(crate) fn name(&self) -> &str {
        self.settings.get("name").and_then(Value::as_str).unwrap_or("pasarela")
    }

    /// How many variables it brings along.
    pub(crate) fn variables(&self) -> usize {
        self.settings.get("vars").and_then(Value::as_object).map_or(0, Map::len)
    }

    /// Whether a Worker with these bindings is one of these: others may have objects of the same name, but hardly of the same class
    /// beside variables of the same names.
    pub(super) fn is_like(&self, bindings: &[Binding]) -> bool {
        let own = self.objects();
        let object = |(name, class): &(&str, &str)| {
            bindings.iter().any(|it| it.kind == OBJECT && it.name == *name && it.class == *class)
        };
        let variables = self.settings.get("vars").and_then(Value::as_object);
        let known = variables.into_iter().flatten().filter(|(name, _)| bindings.iter().any(|it| it.name == **name));
        !own.is_empty() && own.iter().all(object) && known.count() > 1
    }

    /// What is said of it beside its modules, if the platform has seen the migrations up to this tag and stored its site under this token.
    pub(super) fn metadata(&self, seen: Option<&str>, stored: Option<&str>) -> Value {
        let mut metadata = json!({
            "main_module": self.modules.first().map(|module| &module.name),
            "bindings": self.bindings(),
            "compatibility_date": self.settings.get("compatibility_date"),
            "compatibility_flags": self.settings.get("compatibility_flags"),
            // Secrets are never in wrangler.toml, and so always kept.
            "keep_bindings": if self.is_on("keep_vars") { KEPT.as_slice() } else { &KEPT[2..] },
            "observability": self.settings.get("observability"),
        });
        if let Some(migrations) = self.migrations(seen) {
            metadata["migrations"] = migrations;
        }
        if let Some(site) = &self.site {
            metadata["assets"] = json!({ "jwt": stored, "config": site.config() });
        }
        metadata
    }

    /// Whether it is to answer at workers.dev, and its versions, too. Beside a name of its own that would be a way round whatever
    /// guards that name.
    pub(super) fn at_workers_dev(&self, own_name: bool) -> Value {
        json!({ "enabled": !own_name && self.is_on("workers_dev"), "previews_enabled": self.is_on("preview_urls") })
    }

    fn is_on(&self, setting: &str) -> bool {
        self.settings.get(setting).and_then(Value::as_bool).unwrap_or_default()
    }

    fn bindings(&self) -> Vec<Value> {
        let of_variable = |(name, value): (&String, &Value)| match value {
            Value::String(text) => json!({ "name": name, "type": "plain_text", "text": text }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                json!({ "name": name, "type": "json", "json": value })
            }
        };
        let variables = self.settings.get("vars").and_then(Value::as_object);
        let objects = self.objects().into_iter();
        let objects = objects.map(|(name, class)| json!({ "name": name, "type": OBJECT, "class_name": class }));
        let site = self.site.iter().map(|_| json!({ "name": "ASSETS", "type": ASSETS }));
        variables.into_iter().flatten().map(of_variable).chain(objects).chain(site).collect()
    }

    fn objects(&self) -> Vec<(&str, &str)> {
        let listed = self.settings.get("durable_objects").and_then(|table| table.get("bindings")?.as_array());
        let text = |object, key| Value::as_str(Value::get(object, key)?);
        let objects = listed.into_iter().flatten();
        objects.filter_map(|object| Some((text(object, "name")?, text(object, "class_name")?))).collect()
    }

    /// The steps that are new to the platform. If it has seen a tag that is not known here, all of them are.
    fn migrations(&self, seen: Option<&str>) -> Option<Value> {
        let all = self.settings.get("migrations")?.as_array()?;
        let tag = |step: &Value| step.get("tag").and_then(Value::as_str).map(str::to_owned);
        let new_tag = tag(all.last()?)?;
        let known = seen.and_then(|seen| all.iter().position(|step| tag(step).as_deref() == Some(seen)));
        let steps: Vec<_> = all.iter().skip(known.map_or(0, |known| known + 1)).cloned().map(without_tag).collect();
        if steps.is_empty() {
            return None;
        }
        let mut migrations = json!({ "new_tag": new_tag, "steps": steps });
        if let Some(seen) = seen {
            migrations["old_tag"] = json!(seen);
        }
        Some(migrations)
    }
}

const SCRIPT: &str = "application/javascript+module";
const WASM: &str = "application/wasm";
const OBJECT: &str = "durable_object_namespace";
pub(super) const ASSETS: &str = "assets";
const KEPT: [&str; 4] = ["plain_text", "json", "secret_text", "secret_key"];

fn without_tag(mut step: Value) -> Value {
    if let Some(step) = step.as_object_mut() {
        step.remove("tag");
    }
    step
}

fn settings(toml: &str) -> Result<Map<String, Value>, UnusableWorker> {
    let unusable = |name: &str| UnusableWorker::Setting(name.to_owned());
    let table: toml::Table = toml.parse().map_err(|_| unusable("all of it"))?;
    let Ok(Value::Object(settings)) = serde_json::to_value(table) else { return Err(unusable("all of it")) };
    let known = |name: &&String| KNOWN.contains(&name.as_str()) || *name == DEVELOPERS;
    if let Some(unknown) = settings.keys().find(|name| !known(name)) {
        return Err(unusable(unknown));
    }
    text(&settings, "compatibility_date")?;
    Ok(settings)
}

fn text<'a>(settings: &'a Map<String, Value>, name: &str) -> Result<&'a str, UnusableWorker> {
    settings.get(name).and_then(Value::as_str).ok_or_else(|| UnusableWorker::Setting(name.to_owned()))
}

fn main_name(settings: &Map<String, Value>) -> Result<String, UnusableWorker> {
    let main = Path::new(text(settings, "main")?);
    let name = main.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| UnusableWorker::Setting("main".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(toml: &str) -> Result<Worker, UnusableWorker> {
        settings(toml).map(|settings| Worker { settings, modules: Vec::new(), site: None })
    }

    #[test]
    fn the_projects_settings_are_all_known_and_keep_what_is_secret() {
        let worker = of(SETTINGS).expect("known");
        let metadata = worker.metadata(None, None);
        assert_eq!((worker.name(), metadata["observability"]["enabled"].as_bool()), ("pasarela", Some(false)));
        assert_eq!(metadata["keep_bindings"], json!(KEPT));
        assert_eq!(metadata["migrations"]["new_tag"], "v1");
        assert!(worker.metadata(Some("v1"), None).get("migrations").is_none());
        let binding = |name: &str, kind: &str, class: &str| Binding {
            name: name.to_owned(),
            kind: kind.to_owned(),
            class: class.to_owned(),
        };
        let like = |first: Binding| {
            worker.is_like(&[first, binding("OPEN", "plain_text", ""), binding("WEB_UPSTREAM", "plain_text", "")])
        };
        assert!(like(binding("SESSIONS", OBJECT, "Sessions")));
        assert!(!like(binding("SESSIONS", OBJECT, "UserSessions")) && !like(binding("SESSIONS", "plain_text", "")));
        assert!(!worker.is_like(&[binding("SESSIONS", OBJECT, "Sessions")]) && !worker.is_like(&[]));
    }

    #[test]
    fn a_setting_that_is_not_known_is_refused_rather_than_left_out() {
        let with = |more: &str| of(&format!("compatibility_date = \"2026-07-30\"\n{more}")).err();
        assert!(with("").is_none());
        assert!(matches!(with("logpush = true"), Some(UnusableWorker::Setting(name)) if name == "logpush"));
        assert!(
            matches!(of("main = \"x\"").err(), Some(UnusableWorker::Setting(name)) if name == "compatibility_date")
        );
    }

    #[test]
    fn only_steps_behind_the_last_one_seen_are_sent() {
        let toml = "compatibility_date = \"2026-07-30\"\n[[migrations]]\ntag = \"a\"\nnew_sqlite_classes = [\"A\"]\n\
                    [[migrations]]\ntag = \"b\"\ndeleted_classes = [\"A\"]\n";
        let worker = of(toml).expect("known");
        let (first, second) = (json!({ "new_sqlite_classes": ["A"] }), json!({ "deleted_classes": ["A"] }));
        for (seen, expected) in [
            (None, Some(json!({ "new_tag": "b", "steps": [first, second] }))),
            (Some("a"), Some(json!({ "old_tag": "a", "new_tag": "b", "steps": [second] }))),
            (Some("b"), None),
            (Some("else"), Some(json!({ "old_tag": "else", "new_tag": "b", "steps": [first, second] }))),
        ] {
            assert_eq!(worker.migrations(seen), expected, "{seen:?}");
        }
    }
}
