//! Names and keys: whose key is in which variable of the Worker, and good random ones.
//!
//! What a key may look like, and what the variables mean, is the core's.

use std::{fmt, str::FromStr};

use pasarela_core::config::PERSON;
use rand::RngExt as _;

/// Somebody who has a key: small letters, digits and `_`, since a variable is named so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Person(String);

/// Longer names than that are no help to anybody.
const NAME_MAX: usize = 32;

/// The name cannot be in a variable's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnusableName;

impl fmt::Display for UnusableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name has 1 to 32 letters of a-z, digits and _")
    }
}

impl std::error::Error for UnusableName {}

impl FromStr for Person {
    type Err = UnusableName;

    fn from_str(text: &str) -> Result<Self, UnusableName> {
        let name = text.trim().to_ascii_lowercase();
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(letters) {
            Ok(Self(name))
        } else {
            Err(UnusableName)
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Person {
    /// Who has the first key.
    pub(crate) fn me() -> Self {
        Self("me".to_owned())
    }

    /// Whose key this variable holds, if it holds one person's.
    pub(crate) fn of(variable: &str) -> Option<Self> {
        let person: Self = variable.strip_prefix(PERSON)?.parse().ok()?;
        // Somebody may have set others by hand, which are not ours to change.
        (person.variable() == variable).then_some(person)
    }

    /// The variable that holds the key.
    pub(crate) fn variable(&self) -> String {
        format!("{PERSON}{}", self.0.to_ascii_uppercase())
    }
}

/// Whether a Worker may be called so: its name is a part of a host's.
pub(crate) fn is_worker_name(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(letters) && !text.starts_with('-') && !text.ends_with('-')
}

/// What Workers of other people are about. No relay is, so that its name says nothing.
const THINGS: [&str; 24] = [
    "apples", "birds", "books", "bread", "cats", "chess", "coffee", "films", "flowers", "garden", "hiking", "kitchen",
    "maps", "music", "museum", "painting", "photos", "poems", "recipes", "school", "tea", "trains", "travel",
    "weather",
];
const KINDS: [&str; 16] = [
    "album", "archive", "blog", "calendar", "club", "corner", "diary", "guide", "home", "journal", "list", "notes",
    "page", "shop", "site", "studio",
];

/// A name for a Worker that says nothing of what it is: networks see it.
pub(crate) fn random_worker_name() -> String {
    let mut random = rand::rng();
    let mut one_of = |words: &[&'static str]| words.get(random.random_range(..words.len())).copied().unwrap_or("home");
    format!("{}-{}", one_of(&THINGS), one_of(&KINDS))
}

/// 128 random bits, which nobody guesses.
pub(crate) fn random_key() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// A subdomain of workers.dev that says nothing of what is there.
pub(crate) fn random_subdomain() -> String {
    let mut random = rand::rng();
    let mut letters = |from: &[u8]| char::from(from[random.random_range(..from.len())]);
    let first = letters(b"abcdefghijkmnpqrstuvwxyz");
    [first].into_iter().chain((0..9).map(|_| letters(b"abcdefghijkmnpqrstuvwxyz23456789"))).collect()
}

#[cfg(test)]
mod tests {
    use pasarela_core::config::is_key;

    use super::*;

    #[test]
    fn a_person_and_a_variable_name_each_other() {
        let ana: Person = " Ana_2 ".parse().expect("a name");
        assert_eq!((ana.to_string().as_str(), ana.variable().as_str()), ("ana_2", "RELAY_KEY_ANA_2"));
        assert_eq!(Person::of("RELAY_KEY_ANA_2"), Some(ana));
        for variable in ["RELAY_KEYS", "RELAY_KEY_", "RELAY_KEY_Ana", "SITE"] {
            assert_eq!(Person::of(variable), None, "{variable}");
        }
        for name in ["", "maria-jose", "a b", "josé", &"a".repeat(33)] {
            assert!(name.parse::<Person>().is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_drawn_can_be_used_and_is_another_each_time() {
        assert!(is_key(&random_key()) && random_key() != random_key());
        assert!(is_worker_name(&random_subdomain()) && random_subdomain() != random_subdomain());
        let names: std::collections::BTreeSet<_> = (0..100).map(|_| random_worker_name()).collect();
        assert!(names.len() > 50 && names.iter().all(|name| is_worker_name(name)), "{names:?}");
        for name in ["", "-a", "a-", "A", "a.b", "a_b", "../x"] {
            assert!(!is_worker_name(name), "{name}");
        }
    }
}
