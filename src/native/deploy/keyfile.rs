//! The file of `serve --relay-keys-file`, changed one key at a time: comments and all other lines stay as they are.
//!
//! What a key may look like is the core's.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

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
            Self::Last => f.write_str("it is the last key"),
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
        let lines = self.text.lines().filter(|line| !is_comment(line));
        let pairs = lines.flat_map(str::split_whitespace).filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, _)| name.to_owned()).collect()
    }

    /// Adds a key on a line of its own.
    pub(crate) fn add(&mut self, name: &str, key: &str) -> Result<(), KeyFileError> {
        if name.is_empty()
            || name.starts_with('#')
            || name.contains(|letter: char| letter.is_whitespace() || letter == '=')
        {
            return Err(KeyFileError::Name);
        }
        if self.names().iter().any(|taken| taken == name) {
            return Err(KeyFileError::Taken);
        }
        let end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text += end;
        }
        self.text += &format!("{name}={key}{end}");
        Ok(())
    }

    /// Takes a key out; a line that held nothing else goes with it.
    pub(crate) fn revoke(&mut self, name: &str) -> Result<(), KeyFileError> {
        let names = self.names();
        if !names.iter().any(|known| known == name) {
            return Err(KeyFileError::Unknown);
        }
        // Without any key, `serve` would show everybody what it is.
        if names.iter().all(|known| known == name) {
            return Err(KeyFileError::Last);
        }
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
        Ok(())
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

    #[test]
    fn everything_but_the_one_key_stays_as_it_is() {
        const TEXT: &str = "# friends: ana=no\r\n\r\nana=1 bo=2\r\n  cy=3\r\n";
        let mut keys = file(TEXT);
        assert_eq!(keys.names(), ["ana", "bo", "cy"]);
        keys.add("dan", "4").expect("new");
        assert_eq!(keys.text, format!("{TEXT}dan=4\r\n"));
        keys.revoke("ana").expect("known");
        keys.revoke("cy").expect("known");
        assert_eq!(keys.text, "# friends: ana=no\r\n\r\nbo=2\r\ndan=4\r\n");
        assert!(matches!(keys.add("bo", "5"), Err(KeyFileError::Taken)));
        for name in ["", "#ana", "a b", "a=b", "a\nb"] {
            assert!(matches!(keys.add(name, "5"), Err(KeyFileError::Name)), "{name}");
        }
        assert!(matches!(keys.revoke("ana"), Err(KeyFileError::Unknown)));
        keys.revoke("bo").expect("known");
        assert!(matches!(keys.revoke("dan"), Err(KeyFileError::Last)));
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
