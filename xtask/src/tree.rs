//! Where things are: the project's root, its cache outside the tree, and the versions its lock files pin.
//!
//! It reads; it changes nothing.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

/// The project's root folder.
pub(crate) fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map(PathBuf::from).unwrap_or(own)
}

/// A folder outside the tree for what is installed once: `$PASARELA_CACHE`, or `pasarela` in the user's cache.
pub(crate) fn cache() -> Result<PathBuf> {
    let from = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = from("PASARELA_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|cache| cache.join("pasarela")))
        .or_else(|| from("HOME").map(|home| home.join(".cache/pasarela")))
        .context("no place for a cache: set PASARELA_CACHE to a folder")?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// What Cargo.toml says once for all packages: `version`, `rust-version` and the like.
pub(crate) fn of_all_packages(key: &str) -> Result<String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).context("cannot read Cargo.toml")?;
    let manifest: toml::Table = text.parse().context("Cargo.toml is not TOML")?;
    let of = |manifest: &toml::Table| manifest.get("workspace")?.get("package")?.get(key)?.as_str().map(str::to_owned);
    of(&manifest).with_context(|| format!("Cargo.toml has no {key} for all packages"))
}

/// The version of a crate in Cargo.lock.
pub(crate) fn locked(name: &str) -> Result<String> {
    let text = fs::read_to_string(root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let lock: toml::Table = text.parse().context("Cargo.lock is not TOML")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock has no packages")?;
    let text = |package: &toml::Value, key| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    packages
        .iter()
        .find(|package| text(package, "name").as_deref() == Some(name))
        .and_then(|package| text(package, "version"))
        .with_context(|| format!("Cargo.lock has no {name}"))
}

/// The version of a package in package.json.
pub(crate) fn pinned(name: &str) -> Result<String> {
    let text = fs::read_to_string(root().join("package.json")).context("cannot read package.json")?;
    let manifest: serde_json::Value = serde_json::from_str(&text).context("package.json is not JSON")?;
    let of = |table: &str| manifest.get(table)?.get(name)?.as_str();
    let version = of("devDependencies").or_else(|| of("dependencies"));
    version.map(str::to_owned).with_context(|| format!("package.json has no {name}"))
}
