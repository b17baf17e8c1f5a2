//! The tunnel's control messages: JSON objects with one member that names the message, each in one text message.
//!
//! It knows their form, not when they may come: `duplex`, `relay` and `client` do. Data has no form, it is the stream's bytes.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};

use crate::{codes::Code, limits, route::Kind};

/// A control message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Control {
    /// Client, in the upgrade: a new stream.
    Open(Open),
    /// Client, in the upgrade: a stream that lost its carrier, or changes it.
    Resume(Resume),
    /// Relay: the upstream answered.
    Opened(Opened),
    /// Relay: data may flow again.
    Resumed(Resumed),
    /// Both: bytes of yours were delivered here.
    Ack(Ack),
    /// Both: my stream ends here.
    Fin(Fin),
    /// Client: what you may send on this carrier.
    Budget(Budget),
    /// Both: the stream failed.
    Reset(Reset),
}

/// Asks for a new stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// What it speaks.
    #[serde(with = "route")]
    pub route: Kind,
    /// Bytes that the client accepts beyond its last acknowledgement.
    pub window: u32,
    /// Stream bytes that the relay may send on this carrier; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// Packets that the relay may make of what it sends on this carrier, as [`packets`] counts them; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
}

/// Packets that a message of so many bytes is reckoned as, whatever the network makes of it.
pub const fn packets(len: usize) -> u64 {
    1 + (len / limits::PACKET) as u64
}

/// Asks to go on with a stream on this carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The stream, as `opened` named it.
    pub session: String,
    /// Grows with every attempt, so that an older one that arrives late is told from a newer.
    pub attach: u64,
    /// Bytes of the relay's stream that the client has: the next data begins here.
    pub received: u64,
    /// As in `open`.
    pub window: u32,
    /// As in `open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// As in `open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
}

/// The upstream answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Bytes that the relay accepts beyond its last acknowledgement.
    pub window: u32,
    /// What `resume` names; none if this relay keeps no streams.
    pub session: Option<String>,
    /// What this relay can do beyond this table.
    #[serde(default)]
    pub features: Vec<String>,
}

/// The stream goes on here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Bytes of the client's stream that the relay has: the next data begins here.
    pub received: u64,
    /// As in `opened`.
    pub window: u32,
    /// Where the relay's next data begins, if not at the `received` of `resume`: an older carrier brought an
    /// acknowledgement beyond it meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
}

/// Delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Bytes of your stream, from its start, that TCP has taken here.
    pub n: u64,
    /// Your end was delivered, too.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub fin: bool,
    /// Bytes that are accepted beyond the last acknowledgement from now on, if that is more than was said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
}

/// A stream's end (TCP half-close).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fin {
    /// The length of the stream in bytes.
    pub n: u64,
}

/// What may be sent on this carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Stream bytes, counted from the carrier's start.
    pub n: u64,
}

/// A stream's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Why.
    #[serde(serialize_with = "token", deserialize_with = "known_code")]
    pub code: Code,
}

impl Control {
    /// The text of the message.
    pub fn encode(&self) -> String {
        // Nothing in these types can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a text message; nothing if it is one that may be ignored.
    ///
    /// # Errors
    /// `too-big` beyond 4 KiB, else `protocol`.
    pub fn decode(text: &str) -> Result<Option<Self>, Code> {
        if text.len() > limits::CONTROL {
            return Err(Code::TooBig);
        }
        match serde_json::from_str(text) {
            Ok(control) => Ok(Some(control)),
            Err(_) if is_extension(text) => Ok(None),
            Err(_) => Err(Code::Protocol),
        }
    }
}

/// Whether the message is none of ours and says so: its name begins with `x-`.
fn is_extension(text: &str) -> bool {
    let message: Result<BTreeMap<String, IgnoredAny>, _> = serde_json::from_str(text);
    message.is_ok_and(|message| message.len() == 1 && message.keys().all(|name| name.starts_with("x-")))
}

fn token<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.token())
}

/// A token of a later version than ours still means that the stream failed.
fn known_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
    String::deserialize(deserializer).map(|token| Code::from_token(&token).unwrap_or(Code::UpstreamReset))
}

mod route {
    //! `chat` or `tls`.

    use alloc::string::String;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::route::Kind;

    pub(super) fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match kind {
            Kind::Chat => "chat",
            Kind::Tls => "tls",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "chat" => Ok(Kind::Chat),
            "tls" => Ok(Kind::Tls),
            _ => Err(D::Error::custom("no such route")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_the_table_says_and_read_back() {
        let resume = Resume {
            session: "0.abc".into(),
            attach: 2,
            received: 5,
            window: 65536,
            budget: Some(12288),
            packets: None,
        };
        for (control, text) in [
            (
                Control::Open(Open { route: Kind::Chat, window: 65536, budget: None, packets: None }),
                r#"{"open":{"route":"chat","window":65536}}"#,
            ),
            (
                Control::Resume(resume),
                r#"{"resume":{"session":"0.abc","attach":2,"received":5,"window":65536,"budget":12288}}"#,
            ),
            (
                Control::Opened(Opened { window: 65536, session: None, features: Vec::new() }),
                r#"{"opened":{"window":65536,"session":null,"features":[]}}"#,
            ),
            (
                Control::Resumed(Resumed { received: 7, window: 65536, from: None }),
                r#"{"resumed":{"received":7,"window":65536}}"#,
            ),
            (
                Control::Resumed(Resumed { received: 7, window: 65536, from: Some(9) }),
                r#"{"resumed":{"received":7,"window":65536,"from":9}}"#,
            ),
            (Control::Ack(Ack { n: 9, fin: false, window: None }), r#"{"ack":{"n":9}}"#),
            (Control::Ack(Ack { n: 9, fin: true, window: None }), r#"{"ack":{"n":9,"fin":true}}"#),
            (Control::Ack(Ack { n: 9, fin: false, window: Some(131_072) }), r#"{"ack":{"n":9,"window":131072}}"#),
            (Control::Fin(Fin { n: u64::MAX }), r#"{"fin":{"n":18446744073709551615}}"#),
            (Control::Budget(Budget { n: 1 }), r#"{"budget":{"n":1}}"#),
            (Control::Reset(Reset { code: Code::UpstreamReset }), r#"{"reset":{"code":"upstream-reset"}}"#),
        ] {
            assert_eq!(control.encode(), text);
            assert_eq!(Control::decode(text), Ok(Some(control)));
        }
    }

    #[test]
    fn unknown_fields_are_ignored_and_unknown_messages_by_their_name() {
        assert_eq!(
            Control::decode(r#"{"ack":{"n":1,"later":[{}]}}"#),
            Ok(Some(Control::Ack(Ack { n: 1, fin: false, window: None })))
        );
        assert_eq!(Control::decode(r#"{"x-later":{"n":1}}"#), Ok(None));
        let unknown = Control::Reset(Reset { code: Code::UpstreamReset });
        assert_eq!(Control::decode(r#"{"reset":{"code":"of-a-later-version"}}"#), Ok(Some(unknown)));
        for wrong in [
            "",
            "{}",
            "[]",
            "5",
            r#"{"later":{}}"#,
            r#"{"ack":{"n":-1}}"#,
            r#"{"ack":{"n":1.5}}"#,
            r#"{"ack":{}}"#,
            r#"{"ack":{"n":1},"fin":{"n":1}}"#,
            r#"{"x-a":1,"x-b":2}"#,
            r#"{"open":{"route":"evil","window":65536}}"#,
            r#"{"ack":{"n":1}}}"#,
        ] {
            assert_eq!(Control::decode(wrong), Err(Code::Protocol), "{wrong}");
        }
        assert_eq!(Control::decode(&" ".repeat(limits::CONTROL + 1)), Err(Code::TooBig));
    }
}
