//! Links as they come out of chats, mails and terminals, made what they were: marks that nobody sees, round quotes, line breaks,
//! escaped signs, queries for somebody's statistics.
//!
//! It only takes away and puts right. What a link says is its parser's, and what that cannot read stays as it is.

use pasarela_core::route::Route;
use percent_encoding::percent_decode_str;

use super::PARAMETERS;

/// Around a link in a sentence; none of these begins or ends one.
pub(super) const AROUND: &str = "'\"`<>(){},;!?‘’‚‛“”„‟«»‹›「」『』、。،؛؟…";

/// What browsers write between a fragment and the words that are to be highlighted.
const HIGHLIGHT: &str = ":~:";

/// The text of an address without what messengers, keyboards and people put into it and around it.
pub(crate) fn cleaned(said: &str) -> String {
    let seen = said.chars().filter(|letter| !is_unseen(*letter)).map(narrow);
    let text = without_entities(seen.collect());
    let around = |letter| AROUND.contains(letter);
    let mut text = text.trim_matches(around);
    // A sentence may end behind the bracket.
    while let Some(before) = text.strip_suffix('.').filter(|text| text.ends_with(around)) {
        text = before.trim_end_matches(around);
    }
    // An address of IPv6 has these as well.
    while let Some(inside) =
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).filter(|it| it.contains("://"))
    {
        text = inside;
    }
    text.to_owned()
}

/// HTML's ways to write signs, also where one program after the other has written them so.
fn without_entities(mut text: String) -> String {
    const ENTITIES: [(&str, [&str; 3]); 6] = [
        ("&", ["&amp;", "&#38;", "&#x26;"]),
        ("#", ["&num;", "&#35;", "&#x23;"]),
        ("\"", ["&quot;", "&#34;", "&#x22;"]),
        ("'", ["&apos;", "&#39;", "&#x27;"]),
        ("<", ["&lt;", "&#60;", "&#x3c;"]),
        (">", ["&gt;", "&#62;", "&#x3e;"]),
    ];
    loop {
        let before = text.len();
        for (sign, written) in ENTITIES {
            text = written.iter().fold(text, |text, entity| text.replace(entity, sign));
        }
        if text.len() == before {
            return text;
        }
    }
}

/// Links that stand one behind the other, on lines or between blanks, of which some may be broken in their midst.
pub(crate) fn several(said: &[String]) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for word in said.iter().flat_map(|said| said.split_whitespace()) {
        let begins = word.contains("://") || word.contains('#') && !word.starts_with('#');
        match links.last_mut() {
            // Whether that is the rest of a broken link or a word, is the parser's to say.
            Some(link) if !begins => {
                link.push(' ');
                link.push_str(word);
            }
            Some(_) | None => links.push(word.to_owned()),
        }
    }
    links
}

/// Marks, and blanks and line breaks, of which a link has none.
fn is_unseen(letter: char) -> bool {
    is_mark(letter) || letter.is_whitespace() || letter.is_control()
}

/// Marks of direction, joiners, soft hyphens, variation selectors.
pub(super) fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// East Asian keyboards write ASCII twice as wide.
fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        letter => letter,
    }
}

/// A link of ours that stands alone: the scheme that it has or lacks, the number sign, the route behind the key, and the query are
/// put right.
pub(super) fn link(alone: String) -> String {
    let mut text = alone;
    if !text.contains('#') {
        text = text.replacen("%23", "#", 1);
    }
    let lower = text.to_ascii_lowercase();
    for (other, ours) in [("wss://", "https://"), ("ws://", "http://")] {
        if lower.starts_with(other) {
            text.replace_range(..other.len(), ours);
        }
    }
    let host = text.split(['/', '#']).next().unwrap_or_default();
    if !text.contains("://") && host.contains('.') && host.len() < text.len() {
        text.insert_str(0, "https://");
    }
    let (before, behind) = match text.split_once('#') {
        Some((before, behind)) => (before, Some(fragment(behind))),
        None => (text.as_str(), None),
    };
    // What is asked for in a query is not for us. But without a name it may be a key in the wrong place.
    let before = match before.split_once('?') {
        Some((url, query)) if is_for_others(query) => url,
        Some(_) | None => before,
    };
    let mut cleaned = without_route(before).to_owned();
    if let Some(behind) = behind {
        cleaned.push('#');
        cleaned += &behind;
    }
    cleaned
}

/// Whether it is a query for somebody's statistics.
fn is_for_others(query: &str) -> bool {
    query.split('&').all(|part| match part.split_once('=') {
        // Ours belong behind the number sign, and must not be lost.
        Some((name, _)) => !PARAMETERS.contains(&name),
        None => part.is_empty(),
    })
}

/// Behind the number sign.
fn fragment(said: &str) -> String {
    let said = said.split(HIGHLIGHT).next().unwrap_or_default();
    let escaped = !said.contains(['&', '=']) && said.contains('%');
    let said = if escaped { percent_decode_str(said).decode_utf8_lossy() } else { said.into() };
    let ends_in_value = said.rsplit('&').next().is_some_and(|last| last.contains('='));
    // Keys end in no slash. A value may end in one, and not in a full stop; a key may.
    said.trim_end_matches(if ends_in_value { '.' } else { '/' }).to_owned()
}

/// `https://host/KEY` of the address of one of the relay's routes, whichever program it was written for.
fn without_route(url: &str) -> &str {
    let path = url.find("://").and_then(|at| url.get(at + 3..)?.find('/').map(|slash| at + 3 + slash));
    let Some(path) = path else { return url };
    let mut slashes = url.match_indices('/').map(|(at, _)| at).filter(|at| *at > path);
    let Some(slash) = slashes.next() else { return url };
    let (base, route) = url.split_at(slash);
    if Route::at(route).is_some() { base } else { url }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{Link, UnusableLink},
        *,
    };

    const KEY: &str = "0123456789abcdef";
    const WHOLE: &str = "https://relay.example/#0123456789abcdef&addr=192.0.2.7&sni=none";
    const SHORT: &str = "https://relay.example/#0123456789abcdef";

    const UNSEEN: [char; 9] =
        ['\u{ad}', '\u{61c}', '\u{200b}', '\u{200e}', '\u{2066}', '\u{feff}', '\u{a0}', '\n', ' '];

    fn read(said: &str) -> Result<String, UnusableLink> {
        said.parse().map(|link: Link| link.to_string())
    }

    /// The page reads the same links, by a script of its own.
    const EXAMPLES: &str = include_str!("examples.json");

    #[test]
    fn what_was_made_of_a_link_on_its_way_is_put_right() {
        let filled = |text: &serde_json::Value| {
            let text = text.as_str().expect("a text").replace("SCHEME", "https").replace("SOCKET", "WSS");
            text.replace("HOST", "relay.example").replace("KEY", KEY)
        };
        let rows: Vec<serde_json::Value> = serde_json::from_str(EXAMPLES).expect("JSON");
        for row in rows {
            let said = filled(&row["said"]);
            assert_eq!(read(&said), Ok(filled(&row["link"])), "{said:?}");
        }
    }

    #[test]
    fn several_links_stay_several_however_they_are_written() {
        let second = SHORT.replace("relay", "other");
        let both = vec![WHOLE.to_owned(), second.clone()];
        let in_pieces = WHOLE.split_at(30);
        for said in [
            vec![format!("{WHOLE} {second}")],
            vec![format!("\n{WHOLE}\n\n  {second}\n")],
            vec![WHOLE.to_owned(), String::new(), second.clone()],
            vec![in_pieces.0.to_owned(), format!("  {}", in_pieces.1), second.clone()],
        ] {
            let found: Vec<_> = several(&said).iter().map(|link| read(link).expect("whole")).collect();
            assert_eq!(found, both, "{said:?}");
        }
        assert!(several(&[" ".to_owned()]).is_empty());
    }

    #[test]
    fn what_is_foreign_is_named_and_nothing_else_of_the_key() {
        let cyrillic = SHORT.replace('a', "а").replace("relаy.exаmple", "relay.example");
        let error = read(&cyrillic).expect_err("another letter");
        assert_eq!(error, UnusableLink::Foreign('а'));
        assert!(error.to_string().contains("U+0430") && !error.to_string().contains("0123"), "{error}");
        for none in ["", "garbage", "relay", "0123456789abcdef", "https://", "#"] {
            assert!(read(none).is_err(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_mark_that_nobody_sees_changes_nothing_wherever_it_stands(
            marks in prop::collection::vec((0..=WHOLE.len(), prop::sample::select(UNSEEN.to_vec())), 0..10),
        ) {
            let mut said = String::from(WHOLE);
            for (at, mark) in marks {
                // A mark that is there already may be longer than a byte.
                let at = (0..=at).rev().find(|at| said.is_char_boundary(*at)).unwrap_or(0);
                said.insert(at, mark);
            }
            prop_assert_eq!(read(&said), Ok(WHOLE.to_owned()), "{:?}", said);
        }
    }
}
