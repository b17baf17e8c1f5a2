//! The file of `serve --relay-keys-file`, changed one key at a time: comments and all other lines stay as they are.
//!
//! What a key may look like is the core's.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use pasarela_core::config::is_key;

use crate::replace::{Readers, replace};

/// A file of keys, as it is to be.
pub(crate) struct KeyFile {
    path: PathBuf,
    text: String,
}

/// Why it cannot be changed so.
#[derive(Debug)]
pub(crate) enum KeyFileError {
    /// It can be nobody's name there.
    Name,
    /// Somebody of that name has a key.
    Taken,
    /// Nobody of that name has one.
    Unknown,
    /// Nobody would have a key.
    Last,
    /// The file cannot be read.
    Read(io::Error),
    /// It cannot be written.
    Write(io::Error),
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("a name has no blanks and no =, and does not begin with #"),
            Self::Taken => f.write_str("somebody of that name has a key"),
            Self::Unknown => f.write_str("nobody of that name has a key"),
            Self::Last => f.write_str("nobody else has a key there"),
            Self::Read(error) | Self::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyFileError {}

impl KeyFile {
    /// The file with this text; one that is not there yet has none.
    pub(crate) fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_path_buf(), text }
    }

    /// Who has a key.
    pub(crate) fn names(&self) -> Vec<String> {
        self.pairs().filter(|(_, key)| is_key(key)).map(|(name, _)| name.to_owned()).collect()
    }

    /// Who has something there that can be no key.
    pub(crate) fn unusable(&self) -> Vec<String> {
        self.pairs().filter(|(_, key)| !is_key(key)).map(|(name, _)| name.to_owned()).collect()
    }

    /// Whether something else there is no name=key: a word, a key of nobody, a name that is there twice.
    pub(crate) fn is_odd(&self) -> bool {
        let mut names = Vec::new();
        self.words().any(|word| match word.split_once('=') {
            Some((name, _)) if !name.is_empty() && !names.contains(&name) => {
                names.push(name);
                false
            }
            Some(_) | None => true,
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.words().filter_map(|word| word.split_once('='))
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !is_comment(line)).flat_map(str::split_whitespace)
    }

    fn knows(&self, name: &str) -> bool {
        self.pairs().any(|(known, _)| known == name)
    }

    /// Adds a key on a line of its own, in place of what could be none.
    pub(crate) fn add(&mut self, name: &str, key: &str) -> Result<(), KeyFileError> {
        if name.is_empty()
            || name.starts_with('#')
            || name.contains(|letter: char| letter.is_whitespace() || letter == '=')
        {
            return Err(KeyFileError::Name);
        }
        if self.names().iter().any(|known| known == name) {
            return Err(KeyFileError::Taken);
        }
        self.take_out(name);
        let end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text += end;
        }
        self.text += &format!("{name}={key}{end}");
        Ok(())
    }

    /// Takes a key out; a line that held nothing else goes with it.
    pub(crate) fn revoke(&mut self, name: &str) -> Result<(), KeyFileError> {
        if !self.knows(name) {
            return Err(KeyFileError::Unknown);
        }
        let names = self.names();
        let is_last_key = !names.is_empty() && names.iter().all(|known| known == name);
        // Of a file that has one that cannot be used, or nothing, `serve` makes no relay.
        let is_all = self.pairs().all(|(known, _)| known == name);
        if is_last_key || is_all {
            return Err(KeyFileError::Last);
        }
        self.take_out(name);
        Ok(())
    }

    fn take_out(&mut self, name: &str) {
        let own = |pair: &str| pair.split_once('=').is_some_and(|(known, _)| known == name);
        let mut kept = String::new();
        for line in self.text.split_inclusive('\n') {
            if is_comment(line) || !line.split_whitespace().any(own) {
                kept += line;
                continue;
            }
            let rest: Vec<_> = line.split_whitespace().filter(|pair| !own(pair)).collect();
            if !rest.is_empty() {
                kept += &rest.join(" ");
                kept += &line[line.trim_end().len()..];
            }
        }
        self.text = kept;
    }

    /// Puts it in the old one's place, for the same eyes.
    pub(crate) fn write(&self) -> Result<(), KeyFileError> {
        replace(&self.path, self.text.as_bytes(), Readers::AsBefore).map_err(KeyFileError::Write)
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> KeyFile {
        KeyFile::new(Path::new("keys"), text.to_owned())
    }

    const ONE: &str = "0123456789abcdef";
    const OTHER: &str = "fedcba9876543210";

    #[test]
    fn everything_but_the_one_key_stays_as_it_is() {
        let text = format!("# friends: ana=no\r\n\r\nana={ONE} bo={OTHER}\r\n  cy={ONE}\r\n");
        let mut keys = file(&text);
        assert_eq!(keys.names(), ["ana", "bo", "cy"]);
        keys.add("dan", OTHER).expect("new");
        assert_eq!(keys.text, format!("{text}dan={OTHER}\r\n"));
        keys.revoke("ana").expect("known");
        keys.revoke("cy").expect("known");
        assert_eq!(keys.text, format!("# friends: ana=no\r\n\r\nbo={OTHER}\r\ndan={OTHER}\r\n"));
        assert!(matches!(keys.add("bo", ONE), Err(KeyFileError::Taken)));
        for name in ["", "#ana", "a b", "a=b", "a\nb"] {
            assert!(matches!(keys.add(name, ONE), Err(KeyFileError::Name)), "{name}");
        }
        assert!(matches!(keys.revoke("ana"), Err(KeyFileError::Unknown)));
        keys.revoke("bo").expect("known");
        assert!(matches!(keys.revoke("dan"), Err(KeyFileError::Last)));
    }

    #[test]
    fn what_can_be_no_key_is_nobodys() {
        let mut keys = file(&format!("me= bo=short\nana={ONE}\n"));
        assert_eq!((keys.names(), keys.unusable()), (vec!["ana".to_owned()], vec!["me".to_owned(), "bo".to_owned()]));
        assert!(matches!(keys.revoke("ana"), Err(KeyFileError::Last)));
        keys.revoke("me").expect("known");
        assert_eq!(keys.text, format!("bo=short\nana={ONE}\n"));
        keys.add("bo", OTHER).expect("nobody has one");
        assert_eq!(keys.text, format!("ana={ONE}\nbo={OTHER}\n"));
        let mut keys = file("me=\n");
        assert!(matches!(keys.revoke("me"), Err(KeyFileError::Last)));
        keys.add("me", ONE).expect("that was no key");
        assert_eq!(keys.text, format!("me={ONE}\n"));
    }

    #[test]
    fn what_serve_refuses_is_noticed() {
        for (text, odd) in [
            (format!("# a word\nana={ONE} bo={OTHER}\nme=\n"), false),
            (format!("ana={ONE} {OTHER}"), true),
            (format!("={ONE}"), true),
            (format!("ana={ONE}\nana={OTHER}"), true),
        ] {
            assert_eq!(file(&text).is_odd(), odd, "{text}");
        }
    }

    #[test]
    fn a_line_without_an_end_gets_one_before_the_next() {
        let mut keys = file("ana=1");
        keys.add("bo", "2").expect("new");
        assert_eq!(keys.text, "ana=1\nbo=2\n");
        let mut none = file("");
        none.add("ana", "1").expect("new");
        assert_eq!(none.text, "ana=1\n");
    }
}
