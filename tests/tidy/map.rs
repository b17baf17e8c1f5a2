//! The tables of `src/README.md` have a row for every file, and none for a file that is gone.
//!
//! Where one file of a folder has a row, all have; where none has, the folder's own row stands for them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use pasarela_e2e::places::root;

use super::sources;

/// A table, under a heading that begins with its folder's name.
struct Table {
    folder: PathBuf,
    /// What its rows name: files, and folders that end with `/`.
    named: BTreeSet<String>,
}

impl Table {
    fn read(section: &str) -> Option<Self> {
        let folder = section.strip_prefix('`')?.split('`').next()?;
        let first_cells = section.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
        let words = first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        let named: BTreeSet<_> = words.filter(|word| is_file(word) || word.ends_with('/')).map(str::to_owned).collect();
        (!named.is_empty()).then(|| Self { folder: root().join("src").join(folder), named })
    }

    /// Whether a row is missing for this file, a path from the table's folder.
    fn lacks(&self, file: &str) -> bool {
        let below = |folder: &str| self.named.iter().any(|name| name.starts_with(folder));
        let in_folder = self.named.iter().any(|name| name.ends_with('/') && file.starts_with(name));
        let is_list = below(&file.replace(".rs", "/"));
        let others = file.rsplit_once('/').is_none_or(|(folder, _)| below(&format!("{folder}/")));
        others && !in_folder && !is_list && !self.named.contains(file)
    }
}

fn is_file(word: &str) -> bool {
    [".rs", ".mjs"].iter().any(|end| word.ends_with(end))
}

#[test]
fn every_file_has_a_row_in_the_tables_of_the_code() -> Result<()> {
    let paper = fs::read_to_string(root().join("src/README.md"))?;
    let tables: Vec<_> = paper.split("\n### ").filter_map(Table::read).collect();
    ensure!(tables.len() > 6, "only {} tables found: this test looks in the wrong place", tables.len());
    let sources = sources()?;
    let of_tests: BTreeSet<_> = sources.iter().flat_map(|(path, text)| only_in_tests(path, text)).collect();
    let mut wrong = Vec::new();
    for table in &tables {
        // Joined as written, a folder may be above the one that the table is of.
        let folder = table.folder.canonicalize()?;
        for (path, _) in &sources {
            let Ok(file) = path.strip_prefix(&folder) else { continue };
            let file = file.to_string_lossy();
            let left_out = ["lib.rs", "build.rs"].contains(&&*file) || path.ancestors().any(|it| of_tests.contains(it));
            if !left_out && table.lacks(&file) {
                wrong.push(format!("no row for {}", path.display()));
            }
        }
        // Or it is beside the code, named from there.
        let is_there = |name: &str| folder.join(name).exists() || root().join("src").join(name).exists();
        let gone = table.named.iter().filter(|name| !is_there(name));
        wrong.extend(gone.map(|name| format!("{name} is not in {}", folder.display())));
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// The files and folders of modules that a file has for its tests alone.
fn only_in_tests(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = match path.file_name() {
        Some(name) if name == "lib.rs" || name == "main.rs" => path.with_file_name(""),
        _ => path.with_extension(""),
    };
    let names = text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split_once(';'));
    let names = names.map(|(name, _)| name).filter(|name| !name.contains(char::is_whitespace));
    names.flat_map(|name| [folder.join(name).with_extension("rs"), folder.join(name)]).collect()
}
