//! A Worker as it was sent to the platform, for workerd.

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
