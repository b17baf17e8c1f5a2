//! What a network does, and how the relay is reached all the same.

use crate::connect::{Detour, Met, Name, Shape, Stack};

/// In one line.
pub(in super::super) fn words(Detour { met, port, name, shape, stack }: Detour) -> String {
    let does = match met {
        None => "the usual way is not open here",
        Some(Met::Refused) => "this network refuses connections to the relay",
        Some(Met::NoAnswer) => "this network lets connections to the relay go unanswered",
        Some(Met::Cut) => "this network cuts connections that name the relay",
        Some(Met::Dropped) => "this network drops what names the relay",
        Some(Met::Silent) => "nothing comes back here once the relay is named",
        Some(Met::Stalled) => "this network lets the relay answer nothing",
        Some(Met::Throttled) => "this network lets little through on the usual way",
        Some(Met::Stranger) => "somebody in this network answers in the relay's place",
    };
    let name = match (name, shape) {
        (Name::Own, Shape::Whole) => None,
        (Name::Own, Shape::Records | Shape::RecordsAndSegments) => Some("with the name in pieces"),
        (Name::Sibling(_), _) => Some("by another of its names"),
        (Name::Public, _) => Some("with the name encrypted"),
        (Name::Nothing, _) => Some("without a name"),
    };
    let port = port.map(|port| format!("by port {port}"));
    let stack = match stack {
        Stack::Usual => None,
        Stack::Browser => Some("as a browser would"),
    };
    let how: Vec<_> = port.as_deref().into_iter().chain(name).chain(stack).collect();
    format!("{does}: going on {}", how.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_network_does_and_what_is_done_about_it() {
        let detour = Detour {
            met: Some(Met::Cut),
            port: Some(8443),
            name: Name::Nothing,
            shape: Shape::Whole,
            stack: Stack::Usual,
        };
        assert_eq!(
            words(detour),
            "this network cuts connections that name the relay: going on by port 8443, without a name"
        );
        assert_eq!(detour.to_string(), "port-8443 nameless");
        let cut = Detour { met: None, port: None, name: Name::Own, shape: Shape::Records, stack: Stack::Usual };
        assert_eq!(words(cut), "the usual way is not open here: going on with the name in pieces");
        assert_eq!(cut.to_string(), "cut-records");
    }
}
