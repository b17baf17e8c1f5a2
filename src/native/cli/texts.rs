//! Everything the program says to people, but for the help of the command line, which stands with the arguments.
//!
//! One place, so that it can be translated. It decides nothing.

pub(super) mod language;

pub(super) mod program;
pub(super) mod unusable;

pub(super) mod trouble;
pub(super) mod detour;
pub(super) mod asked;
pub(super) mod bridge;
pub(super) mod standing;
pub(super) mod check;
pub(super) mod meaning;
pub(super) mod survey;
pub(super) mod file;
pub(super) mod serve;
pub(super) mod share;
pub(super) mod picture;
#[cfg(feature = "deploy")]
pub(super) mod account;
#[cfg(feature = "deploy")]
pub(super) mod keys;
#[cfg(feature = "deploy")]
pub(super) mod deploy;
#[cfg(feature = "deploy")]
pub(super) mod steps;

#[cfg(test)]
mod tests;
