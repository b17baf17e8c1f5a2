//! Makes a page of the template and one language's texts. `build.rs` does it; the tests look at what it refuses.
//!
//! In the template `{{name}}` is a text and `{{@name}}` is given by `build.rs`. A text is plain but for `` `code` ``,
//! `*strong words*` and `[words](https://…)` or `[words](#anchor)`; what means something in HTML is escaped, so no text can
//! break the page. Every text must be used, and in every language hold the same code and the same links.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::Value;

/// Texts by their names; a name inside an object has the object's before it, with a dot between.
pub(crate) type Texts = BTreeMap<String, String>;

/// The texts of a language's file.
pub(crate) fn texts(json: &str) -> Result<Texts, String> {
    let mut found = Texts::new();
    let value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    flatten("", &value, &mut found)?;
    Ok(found)
}

fn flatten(name: &str, value: &Value, into: &mut Texts) -> Result<(), String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Err(format!("`{name}` is empty")),
        Value::String(text) => {
            into.insert(name.to_owned(), text.clone());
            Ok(())
        }
        Value::Object(members) => members.iter().try_for_each(|(member, value)| {
            let dot = if name.is_empty() { "" } else { "." };
            flatten(&format!("{name}{dot}{member}"), value, into)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Err(format!("`{name}` is no text")),
    }
}

/// The page. `given` are the values for `{{@name}}`.
pub(crate) fn page(template: &str, texts: &Texts, given: &[(&str, &str)]) -> Result<String, String> {
    let mut out = String::with_capacity(template.len() * 2);
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    let mut parts = template.split("{{");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let Some((name, rest)) = part.split_once("}}") else {
            return Err(format!("the template has no end of {{{{{}", part.lines().next().unwrap_or_default()));
        };
        if let Some(name) = name.strip_prefix('@') {
            match given.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => out.push_str(value),
                None => wrong.push(format!("the template asks for @{name}, which nobody gives")),
            }
        } else if let Some(text) = texts.get(name) {
            used.insert(name);
            let html = markup(text);
            if out.ends_with('"') && html.contains('<') {
                wrong.push(format!("`{name}` stands in an attribute and must be plain"));
            }
            out.push_str(&html);
        } else if used.insert(name) {
            wrong.push(format!("`{name}` is missing"));
        }
        out.push_str(rest);
    }
    let unused = texts.keys().filter(|name| !used.contains(name.as_str()));
    wrong.extend(unused.map(|name| format!("`{name}` is one too many: the page does not use it")));
    if wrong.is_empty() { Ok(out) } else { Err(wrong.join("; ")) }
}

/// What of a translation differs from the original that must not.
pub(crate) fn differences(original: &Texts, translation: &Texts) -> Result<(), String> {
    let mut wrong = String::new();
    for (name, text) in translation {
        let Some(original) = original.get(name) else { continue };
        let (expected, found) = (fixed(original), fixed(text));
        if expected != found {
            let _ = write!(wrong, "`{name}` holds {found:?}, in English it is {expected:?}; ");
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What is not translated: code and links, wherever in the sentence.
fn fixed(text: &str) -> BTreeSet<String> {
    let html = markup(text);
    let after = |mark: &'static str, end: char| {
        let found = html.split(mark).skip(1).filter_map(move |rest| rest.split(end).next());
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    after("<code dir=\"ltr\">", '<').into_iter().chain(after("href=\"", '"')).collect()
}

/// A text as HTML.
fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, special) = rest.split_at(at);
        out.push_str(&escape(before));
        let inner = &special[1..];
        let done = match special.as_bytes()[0] {
            b'`' => inner.split_once('`').map(|(code, rest)| {
                let _ = write!(out, "<code dir=\"ltr\">{}</code>", escape(code));
                rest
            }),
            b'*' => inner.split_once('*').map(|(strong, rest)| {
                let _ = write!(out, "<strong>{}</strong>", escape(strong));
                rest
            }),
            _ => link(inner).map(|(words, to, rest)| {
                let _ = write!(out, "<a href=\"{}\">{}</a>", escape(to), escape(words));
                rest
            }),
        };
        rest = done.unwrap_or_else(|| {
            out.push_str(&special[..1]);
            inner
        });
    }
    out.push_str(&escape(rest));
    out
}

/// Words, target and what stands behind a link.
fn link(inner: &str) -> Option<(&str, &str, &str)> {
    let (words, behind) = inner.split_once("](")?;
    let (to, rest) = behind.split_once(')')?;
    (to.starts_with("https://") || to.starts_with('#')).then_some((words, to, rest))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A file without what only its reader needs: indentation, empty lines, and comments that are lines of their own.
pub(crate) fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut kept = false;
    for line in text.lines() {
        let bare = line.trim();
        kept |= bare.contains("<pre");
        let comment = ["//", "/*", "<!--"].iter().any(|mark| bare.starts_with(mark));
        if kept {
            out.push_str(line);
            out.push('\n');
        } else if !bare.is_empty() && !comment {
            out.push_str(bare);
            out.push('\n');
        }
        kept &= !bare.contains("</pre>");
    }
    out
}

/// A style sheet without the spaces that only its reader needs. It is ours: no string in it holds such pairs.
#[allow(dead_code, reason = "only build.rs has one")]
pub(crate) fn tighten(css: &str) -> String {
    let pairs = [
        (" { ", "{"),
        (" {\n", "{"),
        (" }", "}"),
        ("}\n", "}"),
        (";\n", ";"),
        ("; ", ";"),
        (": ", ":"),
        (", ", ","),
        (",\n", ","),
        (" > ", ">"),
    ];
    replaced(css, &pairs)
}

/// A script, the same. Its lines stay: some of them end a statement.
#[allow(dead_code, reason = "only build.rs has some")]
pub(crate) fn tighten_script(script: &str) -> String {
    let around = ["===", "!==", "=", "&&", "||", "?", "+", "<", ">=", "{", "}"].map(|sign| (format!(" {sign} "), sign));
    let before = ["{", "}"].map(|sign| (format!(" {sign}"), sign));
    let after = [",", ":", "{", "}"].map(|sign| (format!("{sign} "), sign));
    let words =
        ["if", "for", "while", "switch", "catch", "function"].map(|word| (format!("{word} ("), format!("{word}(")));
    let pairs = around.iter().chain(&before).chain(&after).map(|(long, short)| (long.as_str(), *short));
    let pairs: Vec<_> = pairs.chain(words.iter().map(|(long, short)| (long.as_str(), short.as_str()))).collect();
    replaced(
        &replaced(script, &pairs),
        &[("{\n", "{"), (",\n", ","), (" +\n", "+"), (" : ", ":"), (") return", ")return")],
    )
}

/// The template without the ends of lines between elements, which show nothing.
#[allow(dead_code, reason = "only build.rs has one")]
pub(crate) fn joined(template: &str) -> String {
    template.replace(">\n<", "><")
}

fn replaced(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (long, short)| text.replace(long, short))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, text: &str) -> Texts {
        Texts::from([(name.to_owned(), text.to_owned())])
    }

    #[test]
    fn a_text_that_is_missing_or_one_too_many_is_named() {
        let template = "<p title=\"{{@a}}\">{{door.title}}</p>";
        let given = [("a", "given")];
        let page = |texts: &Texts| page(template, texts, &given);
        assert_eq!(page(&one("door.title", "Hi")).as_deref(), Ok("<p title=\"given\">Hi</p>"));
        let refused = page(&one("door.titel", "Hi")).unwrap_err();
        assert!(refused.contains("`door.title` is missing"), "{refused}");
        assert!(refused.contains("`door.titel` is one too many"), "{refused}");
        assert!(super::page("{{@b}}", &Texts::new(), &given).unwrap_err().contains("@b"));
    }

    #[test]
    fn texts_are_strings_in_objects_and_none_is_empty() {
        let found = texts(r#"{"door": {"title": "Hi"}}"#).unwrap();
        assert_eq!(found, one("door.title", "Hi"));
        assert!(texts(r#"{"door": {"title": " "}}"#).unwrap_err().contains("`door.title` is empty"));
        assert!(texts(r#"{"door": ["Hi"]}"#).unwrap_err().contains("`door` is no text"));
        assert!(texts("{").is_err());
    }

    #[test]
    fn no_text_can_break_the_page() {
        for (text, html) in [
            ("a < b & \"c\"", "a &lt; b &amp; &quot;c&quot;"),
            ("run `a <b>` *now*", "run <code dir=\"ltr\">a &lt;b&gt;</code> <strong>now</strong>"),
            ("[read](https://x.example/?a=\"b\")", "<a href=\"https://x.example/?a=&quot;b&quot;\">read</a>"),
            ("[bad](javascript:1) 2 * 3", "[bad](javascript:1) 2 * 3"),
        ] {
            assert_eq!(markup(text), html);
        }
        assert!(page("<p title=\"{{a}}\">", &one("a", "*b*"), &[]).unwrap_err().contains("must be plain"));
    }

    #[test]
    fn code_and_links_are_the_same_in_every_language() {
        let original = one("a", "run `x`, see [this](#there)");
        assert_eq!(differences(&original, &one("a", "[esto](#there): ejecute `x`")), Ok(()));
        assert!(differences(&original, &one("a", "ejecute `y`, [esto](#there)")).is_err());
    }

    #[test]
    fn what_is_preformatted_keeps_its_shape() {
        let text = "// why\n  a\n\n<pre>x\n\n    // y\n</pre>\n  b\n";
        assert_eq!(squeeze(text), "a\n<pre>x\n\n    // y\n</pre>\nb\n");
    }

    #[test]
    fn a_tight_script_has_the_same_words_and_the_same_strings() {
        assert_eq!(tighten_script("if (a === b) {\n  c = { d: 1, e: 'f g' }\n}\n"), "if(a===b){  c={d:1,e:'f g'}\n}\n");
        let scripts = ["../../www/system.js", "../../www/link.js", "../../www/page.js"];
        for script in scripts.map(|name| std::fs::read_to_string(name).unwrap()) {
            let script = squeeze(&script).replace("\\'", "");
            let strings = |text: &str| text.split('\'').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            let words = |text: &str| text.split_whitespace().collect::<String>();
            let tight = tighten_script(&script);
            assert_eq!(strings(&tight), strings(&script));
            assert_eq!(words(&tight), words(&script));
            assert!(tight.len() < script.len());
        }
    }

    #[test]
    fn between_elements_no_line_ends_and_in_texts_each() {
        assert_eq!(joined("<ul>\n<li>a\nb</li>\n</ul>\n"), "<ul><li>a\nb</li></ul>\n");
    }
}
