//! What is wrong with a link, in words for whoever was given it. They hold no part of it but a letter that is foreign to it.

use std::fmt;

use super::PARAMETERS;

/// What is wrong with a link. It holds no part of it, in which there is a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableLink {
    /// Not `https://host/#KEY`.
    NoUrl,
    /// Neither `https` nor `http`.
    Scheme,
    /// There is a path or a query; the key belongs behind `#`.
    Path,
    /// Words stand behind it, which would become part of it.
    Words,
    /// It ends in an ellipsis: its rest was cut off.
    Cut,
    /// What WhatsApp gives to a proxy or a bridge.
    Proxy,
    /// An address that leads to others, and not by itself to a relay.
    Redirect,
    /// The key has a character that is none of them, such as a letter of another alphabet that looks the same.
    Foreign(char),
    /// The key is not 16 to 128 characters of `A-Z a-z 0-9 - _ . ~`.
    Key,
    /// This parameter's value is not usable.
    Parameter(&'static str),
    /// There is no such parameter, or it is there twice.
    Unknown,
}

impl fmt::Display for UnusableLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUrl => f.write_str("it is not like https://relay.example/#KEY"),
            Self::Scheme => f.write_str("it begins neither with https:// nor with http://"),
            Self::Path => f.write_str("there is more than the address and #KEY"),
            Self::Words => f.write_str("words stand behind it; give the link alone"),
            Self::Cut => f.write_str("it ends in “…”: the rest is missing; copy the whole link"),
            Self::Proxy => {
                f.write_str("it is WhatsApp's own link to a proxy or a bridge; pasarela check --via takes it")
            }
            Self::Redirect => {
                f.write_str("it is an address of somebody who redirects or translates; ask for the link itself")
            }
            Self::Foreign(letter) => {
                write!(
                    f,
                    "in its key is “{letter}” (U+{:04X}), which only looks like a letter of a key, or came in on the way",
                    u32::from(*letter)
                )
            }
            Self::Key => f.write_str("its key is not 16 to 128 letters, digits, - _ . ~; perhaps a part is missing"),
            Self::Parameter(name) => write!(f, "the value of {name}= cannot be used"),
            Self::Unknown => {
                write!(f, "behind # it has a part that is none of {}, or has one twice", PARAMETERS.join(", "))
            }
        }
    }
}

impl std::error::Error for UnusableLink {}
