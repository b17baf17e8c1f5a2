//! What a survey of the ways to a relay says.

use super::trouble::few;
use crate::{
    check::Surveyed,
    connect::{Detour, Name, Shape, Stack},
};

/// A way that was tried.
pub(in super::super) fn line(done: &Surveyed) -> String {
    let ms = done.took.as_millis();
    let state = if done.result.is_ok() { "open" } else { "shut" };
    let why = done.result.err().map_or_else(String::new, |trouble| format!("   {}", few(trouble)));
    let way = done.candidate.detour().map_or_else(|| "as the link says".to_owned(), way);
    format!("{state} {ms:>5} ms   address {}, {way}{why}", done.candidate.address)
}

fn way(Detour { port, name, shape, stack, .. }: Detour) -> String {
    let port = port.map(|port| format!("port {port}"));
    let name = match name {
        Name::Own => None,
        Name::Sibling(_) => Some("another of its names"),
        Name::Public => Some("name encrypted"),
        Name::Nothing => Some("no name"),
    };
    let shape = match shape {
        Shape::Whole => None,
        Shape::Records => Some("hello in two records"),
        Shape::RecordsAndSegments => Some("hello in two segments"),
    };
    let stack = match stack {
        Stack::Usual => None,
        Stack::Browser => Some("hello of a browser"),
    };
    port.as_deref().into_iter().chain(name).chain(shape).chain(stack).collect::<Vec<_>>().join(", ")
}

/// What it all means.
pub(in super::super) fn conclusion(open: usize, all: usize) -> String {
    match open {
        0 => format!("\nNone of {all} ways is open here.\n  Try: another network, or another relay.\n"),
        _ if open == all => "\nAll ways are open here: this network does nothing against the relay.\n".to_owned(),
        _ => format!("\n{open} of {all} ways are open here. The bridge finds one by itself.\n"),
    }
}
