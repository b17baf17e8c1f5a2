//! `peers.toml`: who is measured beside ours, and where.
//!
//! How they are set up is xtask's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Area {
    /// In workerd.
    Edge,
    /// As programs of this machine.
    Native,
}

/// A row, as far as it is about measuring.
#[derive(Deserialize)]
struct Row {
    area: Option<Area>,
}

/// What has to be there before anything is measured.
#[derive(Serialize)]
pub(super) struct Plan {
    pub(super) edge: bool,
    pub(super) native: bool,
    pub(super) peers: Vec<String>,
}

/// All that are measured beside ours, by their names.
pub(super) fn peers() -> BTreeMap<String, Area> {
    let rows: BTreeMap<String, Row> = toml::from_str(include_str!("peers.toml")).expect("a table of rows");
    rows.into_iter().filter_map(|(name, row)| Some((name, row.area?))).collect()
}
