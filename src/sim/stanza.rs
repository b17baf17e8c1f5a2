//! The few stanzas the simulator says, and what it makes of a client's.
//!
//! The binary encoding is `wacore-binary`'s; encryption is `conversation`'s.

use wacore_binary::{Jid, Node, NodeRef, Server, builder::NodeBuilder};

/// The id of the pairing stanza, which its answer repeats.
const PAIRING_ID: &str = "1001";

/// What a client said, as far as the simulator answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The pairing stanza's result: the client shows a QR code now.
    Paired,
    /// A keep-alive with this id.
    Ping(String),
    /// Anything else.
    Other,
}

/// The stanza that makes real clients show a QR code, with six `references`.
///
/// whatsmeow needs `from` as the server's JID and exactly one child.
pub(super) fn pair_device(references: [[u8; 16]; 6]) -> Vec<u8> {
    let reference = |bytes: [u8; 16]| {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("2@{text}");
        NodeBuilder::new("ref").bytes(text.into_bytes()).build()
    };
    let pair = NodeBuilder::new("pair-device").children(references.map(reference));
    let iq = from_server("iq").attr("type", "set").attr("id", PAIRING_ID).attr("xmlns", "md").children([pair.build()]);
    encode(&iq.build())
}

/// A ping from the server, to stand right behind another stanza.
pub(super) fn server_ping() -> Vec<u8> {
    let iq = from_server("iq").attr("type", "get").attr("id", "1002").attr("xmlns", "urn:xmpp:ping");
    encode(&iq.build())
}

/// Where the client shall connect the next time.
pub(super) fn edge_routing(routing_info: &[u8]) -> Vec<u8> {
    let info = NodeBuilder::new("routing_info").bytes(routing_info);
    let edge = NodeBuilder::new("edge_routing").children([info.build()]);
    encode(&from_server("ib").children([edge.build()]).build())
}

/// The answer to a keep-alive.
pub(super) fn pong(id: &str) -> Vec<u8> {
    let iq = from_server("iq").attr("type", "result").attr("id", id);
    encode(&iq.build())
}

/// Reads a decrypted frame. What is not a stanza is [`Said::Other`]: a real server drops it too.
pub(super) fn read(plaintext: &[u8]) -> Said {
    let Ok(unpacked) = wacore_binary::util::unpack(plaintext) else {
        return Said::Other;
    };
    wacore_binary::marshal::unmarshal_ref(&unpacked).map_or(Said::Other, |node| classify(&node))
}

fn classify(node: &NodeRef<'_>) -> Said {
    if node.tag != "iq" {
        return Said::Other;
    }
    let attribute = |name| node.get_attr(name).map(|value| value.as_str().into_owned());
    let id = attribute("id").unwrap_or_default();
    match attribute("type").as_deref() {
        Some("result") if id == PAIRING_ID => Said::Paired,
        Some("get") if attribute("xmlns").as_deref() == Some("w:p") => Said::Ping(id),
        _ => Said::Other,
    }
}

fn from_server(tag: &'static str) -> NodeBuilder {
    NodeBuilder::new(tag).attr("from", Jid::new("", Server::Pn))
}

fn encode(node: &Node) -> Vec<u8> {
    wacore_binary::marshal(node).expect("a vector takes every byte, and nothing here is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pairing_stanza_has_what_each_client_looks_for() {
        let encoded = pair_device([[7; 16]; 6]);
        let unpacked = wacore_binary::util::unpack(&encoded).expect("unpacks");
        let iq = wacore_binary::marshal::unmarshal_ref(&unpacked).expect("decodes");
        let from = iq.get_attr("from").expect("from");
        assert!(from.as_jid().is_some_and(|jid| jid.user.is_empty()));
        assert_eq!(from.as_str(), "s.whatsapp.net");
        let [pair] = iq.children().expect("children") else {
            panic!("exactly one child");
        };
        assert_eq!((&*pair.tag, pair.children().map(<[_]>::len)), ("pair-device", Some(6)));
    }

    #[test]
    fn answers_and_pings_are_told_apart() {
        let iq = |kind: &'static str, id: &'static str, xmlns: &'static str| {
            let node = NodeBuilder::new("iq").attr("type", kind).attr("id", id).attr("xmlns", xmlns);
            read(&encode(&node.build()))
        };
        assert_eq!(iq("result", "1001", "x"), Said::Paired);
        assert_eq!(iq("result", "1002", "x"), Said::Other);
        assert_eq!(iq("get", "7.1", "w:p"), Said::Ping("7.1".to_owned()));
        assert_eq!(iq("get", "7.1", "w:m"), Said::Other);
        assert_eq!(read(b""), Said::Other);
        assert_eq!(read(b"\0\xff\xff"), Said::Other);
    }
}
