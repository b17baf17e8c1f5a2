//! All texts as they stand in the sources: what the compiler cannot see of them.

use std::{collections::BTreeSet, fs, path::Path};

/// A text in its three languages.
struct Text {
    file: String,
    en: String,
    es: String,
    fa: String,
}

/// Said with the same word, and what has no words in it.
const SAME: [&str; 7] =
    ["proxy", "chat", "workers.dev", "{seconds} s", "{minutes} min", "{hours} h", "{doing} … {seconds} s"];

/// The string literals of a source before its tests, each with what stands between it and the one before.
fn literals(source: &str) -> Vec<(String, String)> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut before = String::new();
    let mut rest = source.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '/' if before.ends_with('/') => {
                rest = rest.as_str().split_once('\n').map_or("", |(_, next)| next).chars();
                before.clear();
            }
            '"' => found.push((std::mem::take(&mut before).trim().to_owned(), literal(&mut rest))),
            letter => before.push(letter),
        }
    }
    found
}

/// The rest of a literal, as it is read.
fn literal(rest: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    while let Some(letter) = rest.next() {
        match letter {
            '"' => return text,
            '\\' => match rest.next() {
                Some('n') => text.push('\n'),
                Some('\n') => {
                    let line = rest.as_str();
                    *rest = line.trim_start().chars();
                }
                Some(other) => text.push(other),
                None => {}
            },
            letter => text.push(letter),
        }
    }
    text
}

fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the texts are there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, into);
        } else if name != "tests.rs" && name != "language.rs" {
            into.push((name, fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}

/// All texts, and what else stands in quotes beside them.
fn all() -> (Vec<Text>, Vec<(String, String)>) {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/texts"), &mut files);
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    for (file, source) in files {
        let mut of_file = literals(&source).into_iter();
        while let Some((before, text)) = of_file.next() {
            if before.ends_with("en:") {
                let [es, fa] = ["es:", "fa:"].map(|label| {
                    let (before, text) = of_file.next().unwrap_or_default();
                    assert!(before.ends_with(label), "{file}: {label} is missing behind {before:?} {text:?}");
                    text
                });
                texts.push(Text { file: file.clone(), en: text, es, fa });
            } else if !before.ends_with("reason =") {
                others.push((file.clone(), text));
            }
        }
    }
    assert!(texts.len() > 200, "only {} texts: this test looks in the wrong place", texts.len());
    (texts, others)
}

/// What is the same in all languages: the names of values, commands, and words that are no words.
fn marks(text: &str) -> BTreeSet<String> {
    let values = text.split('{').skip(1).filter_map(|rest| Some(format!("{{{}", rest.split([':', '}']).next()?)));
    let commands = text.split('`').skip(1).step_by(2).map(str::to_owned);
    let around = |letter: char| ".,:;()\"'[]`".contains(letter);
    let is_mark = |word: &&str| {
        let is_variable = word.contains('_') && word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
        let is_parameter = word.starts_with('&') && word.len() > 1;
        let is_option = word.starts_with("--") && word.len() > 2;
        is_option || is_parameter || is_variable || word.contains("://")
    };
    let words = text.split_whitespace().map(|word| word.trim_matches(around)).filter(is_mark).map(str::to_owned);
    values.chain(commands).chain(words).collect()
}

/// A text of nothing but values.
fn is_wordless(text: &str) -> bool {
    let mut outside = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, outside)| outside));
    !outside.any(|outside| outside.contains(char::is_alphabetic))
}

#[test]
fn no_text_is_left_in_english() {
    let (texts, others) = all();
    let is_persian = |text: &str| text.contains(|letter: char| ('\u{600}'..='\u{6ff}').contains(&letter));
    for Text { file, en, es, fa } in texts {
        let is_same = SAME.contains(&en.as_str()) || is_wordless(&en);
        assert!(is_same || (es != en && fa != en && fa != es), "{file}: {en}");
        assert!(is_persian(&fa) || is_wordless(&en) || en == "workers.dev", "{file}: {fa}");
        assert!(!is_persian(&es) && !is_persian(&en), "{file}: {es}");
    }
    // Two words of which the second is small are a text.
    for (file, text) in others {
        let words: Vec<_> = text.split(' ').collect();
        let is_word = |word: &str| word.len() > 1 && word.chars().all(|letter| letter.is_ascii_lowercase());
        let is_text =
            |pair: &[&str]| pair[0].ends_with(|letter: char| letter.is_ascii_alphabetic()) && is_word(pair[1]);
        assert!(!words.windows(2).any(is_text), "{file}: in English alone: {text}");
    }
}

#[test]
fn commands_options_links_and_values_are_the_same_in_all_languages() {
    let (texts, _) = all();
    for Text { file, en, es, fa } in texts {
        // Some errors say it in English themselves.
        if en == "{error}" {
            continue;
        }
        let values = |text: &str| marks(text).into_iter().filter(|mark| mark.starts_with('{')).collect::<Vec<_>>();
        for other in [&es, &fa] {
            assert_eq!(values(&en), values(other), "{file}: {other}");
            let is_missing = |mark: &String| !mark.starts_with('{') && !other.contains(mark.as_str());
            let missing: Vec<_> = marks(&en).into_iter().filter(is_missing).collect();
            assert!(missing.is_empty(), "{file}: {missing:?} is not in {other}");
        }
    }
}
