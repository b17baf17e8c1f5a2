//! What a link lets be tried of itself: `ways=ports,cut`.

use std::fmt;

/// One of its parts.
type Part = fn(&mut Allowed) -> &mut bool;

/// What may be tried where the relay cannot be reached as the link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Other TLS ports.
    pub ports: bool,
    /// Other names under the link's wildcard.
    pub sibling: bool,
    /// A hello that is cut inside its name.
    pub cut: bool,
    /// An encrypted hello.
    pub ech: bool,
    /// A hello without a name.
    pub nameless: bool,
    /// A hello as a browser says it.
    pub browser: bool,
}

impl Allowed {
    /// Everything.
    pub const ALL: Self = Self { ports: true, sibling: true, cut: true, ech: true, nameless: true, browser: true };

    /// Nothing.
    pub const NONE: Self =
        Self { ports: false, sibling: false, cut: false, ech: false, nameless: false, browser: false };

    /// As it stands in a link, if every word is known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut allowed = Self::NONE;
        for word in text.split(',').filter(|_| text != "plain") {
            let (_, of) = Self::WORDS.iter().find(|(known, _)| *known == word)?;
            *of(&mut allowed) = true;
        }
        Some(allowed)
    }

    /// Each with its word.
    const WORDS: [(&str, Part); 6] = [
        ("ports", |allowed| &mut allowed.ports),
        ("sibling", |allowed| &mut allowed.sibling),
        ("cut", |allowed| &mut allowed.cut),
        ("ech", |allowed| &mut allowed.ech),
        ("nameless", |allowed| &mut allowed.nameless),
        ("browser", |allowed| &mut allowed.browser),
    ];
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut copy = *self;
        let words: Vec<_> = Self::WORDS.iter().filter(|(_, of)| *of(&mut copy)).map(|(word, _)| *word).collect();
        f.write_str(&if words.is_empty() { "plain".to_owned() } else { words.join(",") })
    }
}
