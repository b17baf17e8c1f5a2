//! The token for Cloudflare's API. It is sent to the API and shown to nobody: there is no `Debug`, no `Display`, no copy.
//!
//! Where it comes from is the command line's.

use std::fmt;

use hyper::header::HeaderValue;

/// Longer than any that is given out, in characters; those that the API makes for a while hold what they are for.
const LENGTH_MAX: usize = 16_384;

/// A token.
pub(crate) struct Token(String);

/// What was given is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoToken;

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token is one word of letters, digits, -, _ and .")
    }
}

impl std::error::Error for NoToken {}

impl Token {
    /// What a person pasted, or a file or a variable holds.
    pub(crate) fn read(text: &str) -> Result<Self, NoToken> {
        let text = text.trim().trim_matches('"').trim();
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if text.is_empty() || text.len() > LENGTH_MAX || !text.bytes().all(letters) {
            return Err(NoToken);
        }
        Ok(Self(text.to_owned()))
    }

    /// What it says, which only a request that is made with it may hold.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// The header that shows it to the API.
    pub(super) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0)).expect("letters make a header");
        value.set_sensitive(true);
        value
    }

    /// A text of somebody else's without it.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        text.replace(&self.0, "(the token)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_token_is_never_sent() {
        for text in ["", " \n", "two words", "line\r\nX-Header: 1", "ключ", &"a".repeat(LENGTH_MAX + 1)] {
            assert!(Token::read(text).is_err(), "{text}");
        }
        let token = Token::read("  \"abc-DEF_123\"\r\n").map_err(|error| error.to_string()).expect("a token");
        assert_eq!(token.header(), "Bearer abc-DEF_123");
        assert_eq!(format!("{:?}", token.header()), "Sensitive");
        assert_eq!(token.hidden_in("Invalid abc-DEF_123!"), "Invalid (the token)!");
    }
}
