//! The link in a picture's code, as commands that take a link take it from there.

#[cfg(feature = "picture")]
use std::{
    fs::File,
    path::{Path, PathBuf},
};

use super::Failure;
#[cfg(feature = "picture")]
use super::texts::{picture as texts, unusable};
use crate::link::Link;
#[cfg(feature = "picture")]
use crate::picture::Grey;

/// What may stand in place of a link, if this program opens pictures.
pub(super) const PICTURE: &[&str] = if cfg!(feature = "picture") { &["picture"] } else { &[] };

/// A flag of every command that takes a link.
#[derive(Debug, clap::Args)]
pub(super) struct Picture {
    /// Take the relay's link from the QR code in this picture, a screenshot or a photo, PNG or JPEG
    #[cfg(feature = "picture")]
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

#[cfg(feature = "picture")]
impl Picture {
    /// The link, if a picture was given.
    pub(super) fn link(&self) -> Result<Option<Link>, Failure> {
        self.picture.as_deref().map(link).transpose()
    }
}

#[cfg(not(feature = "picture"))]
impl Picture {
    pub(super) fn link(&self) -> Result<Option<Link>, Failure> {
        Ok(None)
    }
}

/// The link in the picture whose name was typed; by the system, where a file is dropped on a window.
#[cfg(feature = "picture")]
pub(super) fn named(typed: &str) -> Option<Result<Link, Failure>> {
    let file = Path::new(typed.trim().trim_matches('"'));
    file.is_file().then(|| link(file))
}

#[cfg(not(feature = "picture"))]
pub(super) fn named(_: &str) -> Option<Result<Link, Failure>> {
    None
}

#[cfg(feature = "picture")]
fn link(file: &Path) -> Result<Link, Failure> {
    let what = || texts::no_link_in(file);
    let read = File::open(file).and_then(Grey::read);
    let read = read.map_err(|cause| Failure::file(what(), cause.kind(), cause, texts::ANOTHER_FILE))?;
    read.and_then(Grey::link).map_err(|wrong| Failure::told(what(), unusable::picture(wrong), texts::hint(wrong)))
}
