//! What can be wrong between the page and WhatsApp, each as one word, and which word a WebSocket's end means.
//!
//! A closed set: the page has an explanation for each word in every language. Words for what happens before a WebSocket is
//! open are the script's own.

use pasarela_core::codes::Code;
use pasarela_noise::proof::{Proof, ProofError};

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

/// What time it is, in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// By this device.
    pub now: u64,
    /// By the relay, if it said so.
    pub relay: Option<u64>,
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

    /// What is wrong with an answer that is here, if anything is. A device that was long without power often has a wrong
    /// clock; then nobody did anything wrong, and the relay's tells.
    #[must_use]
    pub fn of_answer(proof: &Proof, Times { now, relay }: Times) -> Option<Self> {
        match proof.judge(now)? {
            Ok(_) => None,
            Err(ProofError::Garbled) => Some(Self::Garbled),
            Err(ProofError::Forged) => Some(Self::Forged),
            Err(ProofError::NotYetValid(_) | ProofError::Expired(_)) => Some(match relay {
                None => Self::Clock { off: None },
                Some(relay) if proof.judge(relay).is_some_and(|judged| judged.is_ok()) => {
                    Self::Clock { off: 0i64.checked_add_unsigned(now).and_then(|now| now.checked_sub_unsigned(relay)) }
                }
                Some(_) => Self::Expired,
            }),
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
    use pasarela_noise::{Responder, ResponderKeys, chain::Plan, public_key, wire};

    use super::*;

    const ROOT: [u8; 32] = [1; 32];

    /// What is said of an answer whose certificates hold from 1000 to 2000.
    fn said(now: u64, relay: Option<u64>) -> Option<Fault> {
        let secret = [3; 32];
        let plan = Plan {
            root_secret: &ROOT,
            intermediate_secret: &[2; 32],
            leaf_secret: &secret,
            serials: [3, 355],
            validity: [1_000, 2_000],
            random: &[[7; 64], [8; 64]],
        };
        let keys = ResponderKeys { ephemeral: [4; 32], static_secret: secret, chain: &plan.build() };
        let mut proof = Proof::new([6; 32], public_key(&ROOT));
        let (header, frame) = proof.hello().split_first_chunk().expect("a header");
        let (hello, _) = wire::decode_frame(frame).expect("a whole frame");
        let (_, body) = Responder::answer(&keys, *header, hello).expect("a right hello");
        let mut answer = Vec::new();
        wire::encode_frame(&body, &mut answer).expect("short");
        assert!(proof.take(&answer));
        Fault::of_answer(&proof, Times { now, relay })
    }

    #[test]
    fn a_wrong_clock_is_told_from_wrong_dates_by_the_relays() {
        assert_eq!(said(1_500, None), None);
        // The relay's clock is of no interest then.
        assert_eq!(said(1_500, Some(9_000)), None);
        assert_eq!(said(10, Some(1_500)), Some(Fault::Clock { off: Some(-1_490) }));
        assert_eq!(said(9_000, Some(1_500)), Some(Fault::Clock { off: Some(7_500) }));
        assert_eq!(said(9_000, Some(8_000)), Some(Fault::Expired));
        assert_eq!(said(9_000, None), Some(Fault::Clock { off: None }));
    }

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
