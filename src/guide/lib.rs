//! Pasarela's page, and every other answer that needs no relaying, as plain data: the Worker and `pasarela serve` send the same.
//!
//! `build.rs` renders `www/` to one document a language before this is compiled, and fails where a text is missing. What the
//! page itself does in a browser is `www/page.js`; the check that it loads is `src/browser`. Who may see what is the core's.
//!
//! Modules are listed in reading order; each uses only those above it.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

extern crate alloc;

mod language;
mod pages;
#[cfg(test)]
mod render;

pub use language::{LANGUAGES, Language};
pub use pages::{Asked, Page, asset, busy, guide, json, stranger, upgrade_required};
