//! The page's texts that the app says, too, as Android's resources: one source for both.
//!
//! Which they are is in `android/page-texts.txt`. A text that a language lacks stops the build.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::tree;

/// The first is for those who understand none.
const LANGUAGES: [&str; 8] = ["en", "es", "fa", "ar", "ru", "zh", "pt", "tr"];

/// Writes `values/page.xml` and its translations into a folder of resources.
pub(super) fn write(folder: &Path) -> Result<()> {
    let list = fs::read_to_string(tree::root().join("android/page-texts.txt")).context("no page-texts.txt")?;
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let wanted = lines
        .map(|line| line.split_once(" = ").with_context(|| format!("page-texts.txt: {line}")))
        .collect::<Result<Vec<_>>>()?;
    let files = fs::read_dir(tree::root().join("www/texts"))?.count();
    ensure!(files == LANGUAGES.len(), "the page has {files} languages, the app {}", LANGUAGES.len());
    for language in LANGUAGES {
        let file = tree::root().join("www/texts").join(language).with_extension("json");
        let texts: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<resources>\n");
        for (name, path) in &wanted {
            let text = texts.pointer(&format!("/{}", path.replace('.', "/"))).and_then(serde_json::Value::as_str);
            let text = text.with_context(|| format!("{} has no {path}", file.display()))?;
            xml.push_str(&format!("    <string name=\"page_{name}\">{}</string>\n", escaped(text)));
        }
        xml.push_str("</resources>\n");
        let values = folder.join(if language == "en" { "values".to_owned() } else { format!("values-{language}") });
        fs::create_dir_all(&values)?;
        fs::write(values.join("page.xml"), xml)?;
    }
    Ok(())
}

/// As aapt wants it, without the page's marks for code and strong words.
fn escaped(text: &str) -> String {
    let plain: String = text.chars().filter(|letter| !matches!(letter, '`' | '*')).collect();
    plain.replace('\\', "\\\\").replace('&', "&amp;").replace('<', "&lt;").replace('\'', "\\'").replace('"', "\\\"")
}
