//! A file uses only files above it in its list of modules: for every such list of every crate, nested ones too.
//!
//! Paths are read as text, from `crate`, `super` and `self`; what a macro makes of them is not seen. Unit tests may use
//! everything.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use pasarela_e2e::places::root;

use super::sources;

/// A file as a module of its crate.
struct Module {
    file: PathBuf,
    /// Its names from the crate's root, whose own is empty.
    path: Vec<String>,
    code: String,
}

/// A crate's files, and each list of modules by the path of the file that it is in.
#[derive(Default)]
struct Crate {
    modules: Vec<Module>,
    lists: BTreeMap<Vec<String>, Vec<String>>,
}

#[test]
fn a_file_uses_only_files_listed_above_it() -> Result<()> {
    let texts: BTreeMap<PathBuf, String> = sources()?.into_iter().collect();
    let children: Vec<_> = texts.keys().flat_map(|file| listed(file, &texts)).map(|(_, file)| file).collect();
    let (mut wrong, mut held) = (Vec::new(), Vec::new());
    for file in texts.keys().filter(|file| !children.contains(file)) {
        let mut of_root = Crate::default();
        gather(file, Vec::new(), &texts, &mut of_root);
        let lists = of_root.lists.iter().filter(|(_, list)| list.len() > 1);
        held.extend(lists.map(|(path, list)| format!("{} {} ({})", short(file), path.join("::"), list.len())));
        for module in &of_root.modules {
            let used = paths(&module.code).into_iter().map(|path| absolute(&path, &module.path));
            let below = used.filter(|used| is_below(used, &module.path, &of_root.lists));
            wrong.extend(below.map(|used| format!("{} uses {}", short(&module.file), used.join("::"))));
        }
    }
    println!("{} lists hold: {held:#?}", held.len());
    ensure!(held.len() > 30, "only {} lists are found: this test looks in the wrong place", held.len());
    ensure!(wrong.is_empty(), "these are listed below what uses them: {wrong:#?}");
    Ok(())
}

fn short(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

/// The modules that a file lists, with their files; those of unit tests are not among them.
fn listed(file: &Path, texts: &BTreeMap<PathBuf, String>) -> Vec<(String, PathBuf)> {
    let folder = file.with_file_name("");
    let of_name = file.with_extension("");
    let lines = texts.get(file).into_iter().flat_map(|text| text.lines());
    let listed = lines.scan("", |before, line| Some((std::mem::replace(before, line.trim()), line))).filter_map(
        |(before, line)| {
            if before == "#[cfg(test)]" {
                return None;
            }
            let line = line.trim();
            let line = line.split_once("mod ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"))?.1;
            let name = line.strip_suffix(';')?;
            let files = [&of_name, &folder].map(|folder| folder.join(format!("{name}.rs")));
            let file = files.into_iter().find(|file| texts.contains_key(file))?;
            Some((name.to_owned(), file))
        },
    );
    listed.collect()
}

fn gather(file: &Path, path: Vec<String>, texts: &BTreeMap<PathBuf, String>, into: &mut Crate) {
    let listed = listed(file, texts);
    for (name, child) in &listed {
        gather(child, [&path[..], std::slice::from_ref(name)].concat(), texts, into);
    }
    let text = texts.get(file).map(String::as_str).unwrap_or_default();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    into.lists.insert(path.clone(), listed.into_iter().map(|(name, _)| name).collect());
    into.modules.push(Module { file: file.to_owned(), path, code });
}

/// Every path in the text that begins with `crate`, `super` or `self`, each branch of a group alone.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            // A part of a longer path, or of a word.
            if before.is_some_and(|before| before == ':' || before == '_' || before.is_alphanumeric()) {
                continue;
            }
            branches(&code[at..], &[], &mut found);
        }
    }
    found
}

/// Reads one path; gives what is behind it.
fn branches<'t>(text: &'t str, before: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, mut rest) = text.split_at(end);
    let path = [before, &[word.to_owned()]].concat();
    let Some(more) = rest.strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let Some(group) = more.strip_prefix('{') else { return branches(more, &path, found) };
    rest = group.trim_start();
    while let Some(next) = rest.chars().next().filter(|next| *next != '}') {
        let taken = if next.is_alphabetic() { branches(rest, &path, found) } else { rest.get(1..).unwrap_or_default() };
        rest = taken.trim_start();
    }
    rest.strip_prefix('}').unwrap_or(rest)
}

/// The path from the crate's root, as it is meant in this module.
fn absolute(path: &[String], own: &[String]) -> Vec<String> {
    let mut from = own.to_vec();
    for word in path {
        match word.as_str() {
            "crate" => from.clear(),
            "self" => {}
            "super" => drop(from.pop()),
            word => from.push(word.to_owned()),
        }
    }
    from
}

/// Whether the path leads to a module that is listed below this one, or below one that this one is in.
fn is_below(used: &[String], own: &[String], lists: &BTreeMap<Vec<String>, Vec<String>>) -> bool {
    let common = used.iter().zip(own).take_while(|(used, own)| used == own).count();
    let (Some(used), Some(own_name)) = (used.get(common), own.get(common)) else { return false };
    let place = |name: &String| lists.get(&own[..common])?.iter().position(|listed| listed == name);
    matches!((place(used), place(own_name)), (Some(used), Some(own)) if used > own)
}

#[test]
fn paths_are_read_as_they_are_written() {
    let found = |code: &str| paths(code).into_iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(
        found("use crate::{a, b::{c, D}};\nuse super::super::e as f; self::g(xcrate::h)"),
        ["crate::a", "crate::b::c", "crate::b::D", "super::super::e", "self::g"]
    );
    let own = ["x", "y"].map(str::to_owned);
    assert_eq!(absolute(&["super", "z"].map(str::to_owned), &own), ["x", "z"]);
}
