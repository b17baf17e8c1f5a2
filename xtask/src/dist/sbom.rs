//! The list of what is inside, in CycloneDX's JSON: every crate that the program and the Worker are made of, on whatever system.
//!
//! From `cargo metadata` and Cargo.lock, so that no tool besides is needed. What only builds or tests is not in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::facts::Facts;
use crate::{build::cargo, run::output, tree};

/// What is given away.
const ROOTS: [&str; 2] = ["pasarela", "pasarela-edge"];

pub(super) fn write(facts: &Facts, file: &Path) -> Result<()> {
    let metadata = output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let list = list(facts, &metadata, &sums()?)?;
    fs::write(file, serde_json::to_string_pretty(&list)? + "\n")
        .with_context(|| format!("cannot write {}", file.display()))
}

fn list(facts: &Facts, metadata: &Value, sums: &BTreeMap<String, String>) -> Result<Value> {
    let packages: BTreeMap<_, _> =
        each(metadata, "/packages")?.iter().map(|package| (text(package, "id"), package)).collect();
    let nodes: BTreeMap<_, _> =
        each(metadata, "/resolve/nodes")?.iter().map(|node| (text(node, "id"), used(node))).collect();
    let mut open: Vec<_> =
        packages.iter().filter(|(_, it)| ROOTS.contains(&text(it, "name"))).map(|(id, _)| *id).collect();
    ensure!(open.len() == ROOTS.len(), "cargo metadata does not have {ROOTS:?}");
    let mut inside = BTreeSet::new();
    while let Some(id) = open.pop() {
        if inside.insert(id) {
            open.extend(nodes.get(id).with_context(|| format!("nothing is known of {id}"))?);
        }
    }
    let reference = |id: &str| packages.get(id).map(|package| purl(package));
    let inside: Vec<_> = inside.into_iter().filter_map(|id| Some((id, *packages.get(id)?))).collect();
    let depends = inside.iter().map(|(id, package)| {
        let on: BTreeSet<_> = nodes.get(id).into_iter().flatten().filter_map(|id| reference(id)).collect();
        json!({ "ref": purl(package), "dependsOn": on })
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": facts.get("time")?,
            "component": { "type": "application", "name": "Pasarela", "version": facts.get("version")?, "bom-ref": "pasarela" },
        },
        "components": inside.iter().map(|(_, package)| component(package, sums)).collect::<Vec<_>>(),
        "dependencies": depends.collect::<Vec<_>>(),
    }))
}

/// What a package needs when it runs, and not only to be built or tested.
fn used(node: &Value) -> BTreeSet<&str> {
    let deps = node.get("deps").and_then(Value::as_array).into_iter().flatten();
    let normal = |dep: &&Value| {
        let kinds = dep.get("dep_kinds").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind.get("kind").is_some_and(Value::is_null)))
    };
    deps.filter(normal).map(|dep| text(dep, "pkg")).collect()
}

fn component(package: &Value, sums: &BTreeMap<String, String>) -> Value {
    let (name, version) = (text(package, "name"), text(package, "version"));
    let mut component =
        json!({ "type": "library", "bom-ref": purl(package), "name": name, "version": version, "purl": purl(package) });
    // An old way to say "or".
    let license = text(package, "license").replace('/', " OR ");
    if !license.is_empty() {
        component["licenses"] = json!([{ "expression": license }]);
    }
    if let Some(sum) = sums.get(&format!("{name} {version}")) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

/// What a package is called everywhere.
fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(package, "name"), text(package, "version"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn each<'a>(value: &'a Value, path: &str) -> Result<&'a Vec<Value>> {
    value.pointer(path).and_then(Value::as_array).with_context(|| format!("cargo metadata has no {path}"))
}

/// The sums of what the registry gives, by name and version.
fn sums() -> Result<BTreeMap<String, String>> {
    let lock: toml::Table =
        fs::read_to_string(tree::root().join("Cargo.lock"))?.parse().context("Cargo.lock is not TOML")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock has no packages")?;
    let of = |package: &toml::Value, key| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let sum =
        |package| Some((format!("{} {}", of(package, "name")?, of(package, "version")?), of(package, "checksum")?));
    Ok(packages.iter().filter_map(sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_what_is_inside_and_not_what_builds_or_tests() {
        let file = std::env::temp_dir().join(format!("pasarela-sbom-test-{}", std::process::id()));
        write(&Facts::gather(None).expect("facts"), &file).expect("a list");
        let list: Value = serde_json::from_str(&fs::read_to_string(&file).expect("it is there")).expect("JSON");
        fs::remove_file(&file).expect("it is there");
        let components = list["components"].as_array().expect("components");
        let has = |name: &str| components.iter().any(|component| component["name"] == name);
        for inside in ["pasarela", "pasarela-core", "tokio", "rustls", "worker"] {
            assert!(has(inside), "no {inside}");
        }
        for outside in ["pasarela-e2e", "pasarela-sim", "xtask", "wasm-bindgen-test", "proptest"] {
            assert!(!has(outside), "{outside}");
        }
        assert!(components.iter().all(|component| component["licenses"][0]["expression"].is_string()));
    }
}
