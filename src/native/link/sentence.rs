//! A link in somebody's text: what stands before it, words behind it that would become part of its key, an end that was cut off, and
//! addresses that only lead to it.

use pasarela_core::config::is_key;
use percent_encoding::percent_decode_str;

use super::{
    UnusableLink,
    cleaned::{AROUND, cleaned, is_mark},
};

/// What a link of ours may begin with, the longer before what it begins with itself.
const SCHEMES: [&str; 5] = ["https", "http", "wss", "ws", "pasarela"];

/// One redirect may lead to another.
const REDIRECTS: usize = 3;

/// The link alone, for `cleaned::link` to put right. A link that was cut off, or that words behind it would change, is none.
pub(super) fn alone(said: &str) -> Result<String, UnusableLink> {
    let said = unquoted(said);
    let end = said.trim_end_matches(|letter: char| is_mark(letter) || letter.is_whitespace());
    // Three full stops may be a key's own.
    if said.contains('#') && end.ends_with('…') {
        return Err(UnusableLink::Cut);
    }
    if has_words_behind(&said) {
        return Err(UnusableLink::Words);
    }
    let mut text = from_scheme(&cleaned(&said)).to_owned();
    for _ in 0..REDIRECTS {
        let Some(to) = redirected(&text) else { break };
        text = from_scheme(&cleaned(&to)).to_owned();
    }
    if host(&text) == "wa.me" && text.contains("/proxy?") {
        return Err(UnusableLink::Proxy);
    }
    if redirected(&text).is_some() || host(&text).ends_with(".translate.goog") {
        return Err(UnusableLink::Redirect);
    }
    Ok(text)
}

/// Without the signs of a message that is quoted, one at the beginning of each line.
fn unquoted(said: &str) -> String {
    let lines = said.split('\n').map(|line| {
        let quoted = line.trim_start().strip_prefix('>');
        quoted.map_or(line, |quoted| quoted.trim_start_matches(['>', ' ']))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Without what stands before the scheme: a sentence, a list's mark, a messenger's sign for bold letters, which then also ends the link.
fn from_scheme(text: &str) -> &str {
    let Some(at) = text.find("://") else { return text };
    let lower = text[..at].to_ascii_lowercase();
    let Some(scheme) = SCHEMES.iter().find(|scheme| lower.ends_with(**scheme)) else { return text };
    let (before, link) = text.split_at(at - scheme.len());
    if before.contains(['/', '#', '?']) {
        return text;
    }
    match before.chars().last().filter(|sign| ['*', '_', '~'].contains(sign)) {
        Some(sign) => link.trim_end_matches(sign),
        None => link,
    }
}

/// Where an address leads that has another one in its query, as those that messengers and mail programs put in a link's place.
fn redirected(text: &str) -> Option<String> {
    let (address, behind) = text.split_once('#').map_or((text, None), |(address, behind)| (address, Some(behind)));
    let (_, query) = address.split_once('?')?;
    let values = query.split('&').filter_map(|part| part.split_once('=')).map(|(_, value)| value);
    let to = values.map(|value| percent_decode_str(value).decode_utf8_lossy()).find(|value| value.contains("://"))?;
    Some(match behind {
        Some(behind) if !to.contains('#') => format!("{to}#{behind}"),
        Some(_) | None => to.into_owned(),
    })
}

fn host(text: &str) -> String {
    let behind = text.split_once("://").map_or(text, |(_, behind)| behind);
    behind.split(['/', '?', '#', ':']).next().unwrap_or_default().to_ascii_lowercase()
}

/// Whether a word follows a link that is whole. The rest of a link that was broken in its midst is none.
fn has_words_behind(said: &str) -> bool {
    let seen: String = said.chars().filter(|letter| !is_mark(*letter)).collect();
    let mut link = String::new();
    for word in seen.split_whitespace() {
        let letters = word.trim_matches(|letter| AROUND.contains(letter) || letter == '.');
        let is_word = !letters.is_empty() && letters.chars().all(char::is_alphabetic);
        if is_word && link.rsplit_once('#').is_some_and(|(_, behind)| is_ended(behind, letters)) {
            return true;
        }
        link.push_str(word);
    }
    false
}

/// Whether what stands behind the number sign is whole, so that these letters are no part of it.
fn is_ended(behind: &str, letters: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|it| it.is_ascii_hexdigit());
    let last = behind.rsplit('&').next().unwrap_or_default();
    match last.split_once('=') {
        None => !behind.contains('&') && is_key(last) && !(is_hex(last) && is_hex(letters)),
        Some(("sni", value)) => value.eq_ignore_ascii_case("none"),
        Some(("ech", value)) => ["auto", "grease"].contains(&value),
        Some(("addr" | "port" | "ports", value)) => value.ends_with(|it: char| it.is_ascii_digit()),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Link, *};

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn read(said: &str) -> Result<String, UnusableLink> {
        said.replace("KEY", KEY).parse().map(|link: Link| link.to_string().replace(KEY, "KEY"))
    }

    #[test]
    fn the_link_is_found_in_what_people_and_programs_write_around_it() {
        for said in [
            "Here it is: https://relay.example/#KEY",
            "*https://relay.example/#KEY*",
            "_https://relay.example/#KEY_",
            "~https://relay.example/#KEY~",
            "- https://relay.example/#KEY",
            "1. https://relay.example/#KEY",
            "\u{2022} https://relay.example/#KEY",
            "\u{1f449}https://relay.example/#KEY",
            "> https://relay.example/#KEY",
            "> https://relay.exa\n> mple/#KEY",
            "&lt;https://relay.example/&#35;KEY&gt;",
            "&quot;https://relay.example/&#x23;KEY&quot;",
            "https://l.instagram.com/?u=https%3A%2F%2Frelay.example%2F%23KEY&e=ATO",
            "https://l.facebook.com/l.php?u=https%3A%2F%2Frelay.example%2F#KEY",
            "https://www.google.com/url?q=https://relay.example/%23KEY&sa=D",
            "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Frelay.example%2F%23KEY&data=05",
            "https://out.reddit.com/?url=https%3A%2F%2Fl.example%2F%3Fu%3Dhttps%253A%252F%252Frelay.example%252F%2523KEY",
            "https://wa.me/?text=Take%20https%3A%2F%2Frelay.example%2F%23KEY",
        ] {
            assert_eq!(read(said).as_deref(), Ok("https://relay.example/#KEY"), "{said}");
        }
        let more = "https://l.example/?u=https%3A%2F%2Frelay.example%2F%23KEY%26sni%3Dnone";
        assert_eq!(read(more).as_deref(), Ok("https://relay.example/#KEY&sni=none"));
    }

    #[test]
    fn what_would_become_another_link_is_refused() {
        for (said, wrong) in [
            ("https://relay.example/#KEY keep it secret", UnusableLink::Words),
            ("https://relay.example/#KEY\n\nSent from my iPhone", UnusableLink::Words),
            ("https://relay.example/#KEY or", UnusableLink::Words),
            ("https://relay.example/#KEY&sni=none Thanks!", UnusableLink::Words),
            ("https://relay.example/#KEY&addr=192.0.2.7 \u{633}\u{644}\u{627}\u{645}", UnusableLink::Words),
            ("https://relay.example/#0123456789abcdef0123\u{2026}", UnusableLink::Cut),
            ("https://wa.me/proxy?host=192.168.1.7&chatPort=5222&mediaPort=5222&chatTLS=false", UnusableLink::Proxy),
            ("https://relay-example.translate.goog/?_x_tr_sl=auto#KEY", UnusableLink::Redirect),
            (
                "https://a.example/?u=https://b.example/?u=https://c.example/?u=https://d.example/?u=https://e.example/#KEY",
                UnusableLink::Redirect,
            ),
            ("https://relay.example/?sni=none&verify=x#KEY", UnusableLink::Path),
        ] {
            assert_eq!(read(said), Err(wrong), "{said}");
        }
    }

    #[test]
    fn a_link_that_was_broken_anywhere_is_put_together() {
        let whole = format!("https://relay.example/#{KEY}&addr=192.0.2.7&sni=none");
        for at in 0..whole.len() {
            for mark in ["\n", " ", "\n   "] {
                let said = format!("{}{mark}{}", &whole[..at], &whole[at..]);
                assert_eq!(said.parse().map(|link: Link| link.to_string()), Ok(whole.clone()), "{said}");
            }
        }
    }
}
