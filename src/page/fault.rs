//! What can be wrong between the page and WhatsApp, each as one word, and which word a WebSocket's end means.
//!
//! A closed set: the page has an explanation for each word in every language. Words for what happens before a WebSocket is
//! open are the script's own.

use pasarela_core::codes::Code;

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No WebSocket, or one that was cut.
    WebSocket,
    /// The relay has no room now.
    Busy,
    /// The relay does not reach WhatsApp.
    Upstream,
    /// What was said, or its answer, did not arrive.
    Silent,
    /// The answer is not WhatsApp's protocol, or what was said arrived as something else.
    Garbled,
    /// The protocol is WhatsApp's, but who speaks it cannot prove to be WhatsApp.
    Forged,
    /// It is WhatsApp, but not by this device's clock.
    Clock {
        /// Seconds that it is ahead of the relay's, negative if it is behind; `None` if the relay's is not known.
        off: Option<i64>,
    },
    /// It is WhatsApp, but its certificate is not valid now, and this device's clock is right.
    Expired,
    /// A mistake of ours.
    Internal,
}

/// The close code that a browser reports where there was no close frame (RFC 6455, section 7.1.5).
const CUT: u16 = 1006;

impl Fault {
    /// The word.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Busy => "busy",
            Self::Upstream => "upstream",
            Self::Silent => "silent",
            Self::Garbled => "garbled",
            Self::Forged => "forged",
            Self::Clock { .. } => "clock",
            Self::Expired => "expired",
            Self::Internal => "internal",
        }
    }

    /// What it means that a WebSocket, once open, ended so before WhatsApp answered.
    #[must_use]
    pub fn of_close(code: u16, reason: &str) -> Self {
        // Without a word of the relay's it is WhatsApp's own end, which `/ws/chat` passes on, or the network's.
        let Some(ours) = Code::from_token(reason).filter(|ours| ours.number() == code) else {
            return if code == CUT { Self::WebSocket } else { Self::Upstream };
        };
        match ours {
            Code::Busy | Code::Cpu | Code::Draining | Code::Crashed => Self::Busy,
            Code::End | Code::UpstreamRefused | Code::UpstreamReset | Code::UpstreamTimeout => Self::Upstream,
            Code::Silent | Code::Idle => Self::Silent,
            Code::Garbage | Code::Destination => Self::Garbled,
            Code::Text | Code::TooBig | Code::Queue | Code::Protocol | Code::Superseded | Code::Gone | Code::Flood => {
                Self::Internal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_relay_has_a_meaning() {
        let of = |code: Code| Fault::of_close(code.number(), code.token());
        assert_eq!(of(Code::Busy), Fault::Busy);
        assert_eq!(of(Code::UpstreamTimeout), Fault::Upstream);
        assert_eq!(of(Code::Silent), Fault::Silent);
        // What a check says is short and WhatsApp's protocol.
        assert_eq!(of(Code::Flood), Fault::Internal);
    }

    #[test]
    fn an_end_that_is_not_the_relays_own_is_whatsapps_or_the_networks() {
        assert_eq!(Fault::of_close(1000, ""), Fault::Upstream);
        assert_eq!(Fault::of_close(1011, "busy"), Fault::Upstream);
        assert_eq!(Fault::of_close(4999, "what"), Fault::Upstream);
        assert_eq!(Fault::of_close(CUT, ""), Fault::WebSocket);
    }
}
