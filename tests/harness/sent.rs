//! A Worker as it was sent to the platform, for workerd, and a site beside it.

use std::{fs, path::Path};

use anyhow::Result;

use crate::form::Part;

/// A Worker that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What takes the place of wrangler.toml.
    pub settings: String,
    /// Its modules, the main one first.
    pub modules: Vec<Part>,
    /// The module that shows its site, bound as WORKER the Worker behind it if it stands in front.
    pub site: Option<String>,
}

impl Sent {
    /// Puts its modules beside a configuration, and gives how that names them.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<String> {
        let modules = self.modules.iter().enumerate().map(|(index, Part { name, kind, bytes })| {
            fs::write(folder.join(format!("module-{index}")), bytes)?;
            let kind = if kind == "application/wasm" { "wasm" } else { "esModule" };
            Ok(format!("(name = {:?}, {kind} = embed \"module-{index}\")", name.trim_start_matches("./")))
        });
        Ok(modules.collect::<Result<Vec<_>>>()?.join(", "))
    }
}

/// A site's module as services of a configuration: "site", and if it is to stand in front of the Worker, "front".
///
/// # Errors
/// It cannot be written.
pub(crate) fn services(module: &str, in_front: bool, (folder, date): (&Path, &str)) -> Result<String> {
    fs::write(folder.join("site.mjs"), module)?;
    let service = |name: &str, bindings: &str| {
        format!(
            "(name = \"{name}\", worker = (modules = [(name = \"site.mjs\", esModule = embed \"site.mjs\")], \
             compatibilityDate = \"{date}\", bindings = [{bindings}])), "
        )
    };
    let front = in_front.then(|| service("front", "(name = \"WORKER\", service = \"main\")"));
    Ok(service("site", "") + &front.unwrap_or_default())
}
