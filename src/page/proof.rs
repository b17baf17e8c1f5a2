//! The proof that WhatsApp's chat answers: its server hello, with certificates down to its root key.
//!
//! Whoever sits in between can delay or cut this, but not make it. It says what every client says first, to a stranger, and
//! stops there: no account is involved. Sending, receiving and waiting are the script's.

use pasarela_noise::{HandshakeError, Initiator, ServerHello, verify, wire};

use crate::fault::Fault;

/// No server hello is nearly as long, in bytes; WhatsApp's has some 350.
const HELLO_MAX: usize = 16 * 1024;

/// What time it is, in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// By this device.
    pub now: u64,
    /// By the relay, if it said so.
    pub relay: Option<u64>,
}

/// What is known after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    More,
    /// The root vouches for who answered.
    Proven,
    /// It does not.
    Failed(Fault),
}

/// One question to WhatsApp, and its answer as it comes.
pub struct Proof {
    hello: Vec<u8>,
    state: State,
    root: [u8; 32],
    times: Times,
}

enum State {
    Waiting { initiator: Initiator, received: Vec<u8> },
    Judged(Verdict),
}

impl Proof {
    /// Asks whether `root` vouches for who answers; `random` is fresh from a cryptographic source.
    #[must_use]
    pub fn new(random: [u8; 32], root: [u8; 32], times: Times) -> Self {
        let (initiator, body) = Initiator::new(random);
        let mut hello = wire::HEADER.to_vec();
        wire::encode_frame(&body, &mut hello).expect("a hello is a few bytes long");
        Self { hello, state: State::Waiting { initiator, received: Vec::new() }, root, times }
    }

    /// What is to be said, first and only.
    #[must_use]
    pub fn hello(&self) -> &[u8] {
        &self.hello
    }

    /// Takes the next bytes of the answer. What comes behind the verdict changes nothing.
    pub fn take(&mut self, bytes: &[u8]) -> Verdict {
        let (initiator, mut received) = match core::mem::replace(&mut self.state, State::Judged(Verdict::More)) {
            State::Waiting { initiator, received } => (initiator, received),
            State::Judged(verdict) => {
                self.state = State::Judged(verdict);
                return verdict;
            }
        };
        let room = (wire::FRAME_HEADER + HELLO_MAX).saturating_sub(received.len());
        received.extend(bytes.iter().take(room));
        let verdict = match wire::decode_frame(&received) {
            Some((body, _)) => self.judge(initiator, body),
            None if wire::frame_length(&received).is_some_and(|length| length > HELLO_MAX) => {
                Verdict::Failed(Fault::Garbled)
            }
            None => {
                self.state = State::Waiting { initiator, received };
                return Verdict::More;
            }
        };
        self.state = State::Judged(verdict);
        verdict
    }

    fn judge(&self, initiator: Initiator, body: &[u8]) -> Verdict {
        let fault = match initiator.read_server_hello(body) {
            Ok(hello) => match self.fault(&hello) {
                None => return Verdict::Proven,
                Some(fault) => fault,
            },
            Err(HandshakeError::TooLong | HandshakeError::Malformed) => Fault::Garbled,
            Err(HandshakeError::BadKey | HandshakeError::Decrypt) => Fault::Forged,
        };
        Verdict::Failed(fault)
    }

    /// What is wrong with the certificates, if anything is. A device that was long without power often has a wrong clock;
    /// then nobody did anything wrong.
    fn fault(&self, hello: &ServerHello) -> Option<Fault> {
        let verified_at = |now| verify(hello.server_static(), hello.chain(), &self.root, now);
        let Err(error) = verified_at(self.times.now) else { return None };
        if !error.is_dates_only() {
            return Some(Fault::Forged);
        }
        Some(match self.times.relay {
            None => Fault::Clock { off: None },
            Some(relay) if verified_at(relay).is_ok() => Fault::Clock {
                off: 0i64.checked_add_unsigned(self.times.now).and_then(|now| now.checked_sub_unsigned(relay)),
            },
            Some(_) => Fault::Expired,
        })
    }
}

#[cfg(test)]
mod tests {
    use pasarela_noise::chain::Plan;
    use pasarela_noise::{Responder, ResponderKeys, public_key};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const ROOT: [u8; 32] = [1; 32];
    const SERVER: [u8; 32] = [3; 32];
    const VALIDITY: [u64; 2] = [1_000, 2_000];

    fn asked(now: u64, relay: Option<u64>) -> Proof {
        Proof::new([6; 32], public_key(&ROOT), Times { now, relay })
    }

    /// What a server says to this hello whose chain is made by `signer`.
    fn answer(hello: &[u8], signer: [u8; 32]) -> Vec<u8> {
        let plan = Plan {
            root_secret: &signer,
            intermediate_secret: &[2; 32],
            leaf_secret: &SERVER,
            serials: [3, 355],
            validity: VALIDITY,
            random: &[[7; 64], [8; 64]],
        };
        let chain = plan.build();
        let keys = ResponderKeys { ephemeral: [4; 32], static_secret: SERVER, chain: &chain };
        let (header, frame) = hello.split_first_chunk().expect("a header");
        let (body, rest) = wire::decode_frame(frame).expect("a whole frame");
        assert_eq!((*header, rest), (wire::HEADER, &[][..]));
        let (_, answer) = Responder::answer(&keys, *header, body).expect("a right hello");
        let mut out = Vec::new();
        wire::encode_frame(&answer, &mut out).expect("short");
        out
    }

    fn verdict(signer: [u8; 32], now: u64, relay: Option<u64>) -> Verdict {
        let mut proof = asked(now, relay);
        let answer = answer(proof.hello(), signer);
        proof.take(&answer)
    }

    #[test]
    fn who_proves_to_be_whatsapp_is_believed_and_nobody_else() {
        assert_eq!(verdict(ROOT, 1_500, None), Verdict::Proven);
        // The relay's clock is of no interest then.
        assert_eq!(verdict(ROOT, 1_500, Some(9_000)), Verdict::Proven);
        assert_eq!(verdict([99; 32], 1_500, None), Verdict::Failed(Fault::Forged));
        // Who forges is not excused by dates that are wrong, too.
        assert_eq!(verdict([99; 32], 9_000, Some(1_500)), Verdict::Failed(Fault::Forged));
    }

    #[test]
    fn a_wrong_clock_is_told_from_wrong_dates_by_the_relays() {
        assert_eq!(verdict(ROOT, 10, Some(1_500)), Verdict::Failed(Fault::Clock { off: Some(-1_490) }));
        assert_eq!(verdict(ROOT, 9_000, Some(1_500)), Verdict::Failed(Fault::Clock { off: Some(7_500) }));
        assert_eq!(verdict(ROOT, 9_000, Some(8_000)), Verdict::Failed(Fault::Expired));
        assert_eq!(verdict(ROOT, 9_000, None), Verdict::Failed(Fault::Clock { off: None }));
    }

    #[test]
    fn an_answer_may_come_in_any_pieces_and_with_more_behind_it() {
        let whole = answer(asked(1_500, None).hello(), ROOT);
        for cut in 1..whole.len() {
            let (first, second) = whole.split_at(cut);
            let mut proof = asked(1_500, None);
            assert_eq!(
                (proof.take(first), proof.take(&[]), proof.take(second)),
                (Verdict::More, Verdict::More, Verdict::Proven)
            );
            assert_eq!(proof.take(b"whatever"), Verdict::Proven);
        }
        let mut proof = asked(1_500, None);
        let last = whole.iter().map(|byte| proof.take(&[*byte])).last();
        assert_eq!(last, Some(Verdict::Proven));
        let with_more = [&whole[..], &[0; 100_000]].concat();
        assert_eq!(asked(1_500, None).take(&with_more), Verdict::Proven);
    }

    #[test]
    fn an_answer_to_somebody_else_is_forged() {
        let to_another = Proof::new([7; 32], [0; 32], Times { now: 1_500, relay: None });
        let answer = answer(to_another.hello(), ROOT);
        assert_eq!(asked(1_500, None).take(&answer), Verdict::Failed(Fault::Forged));
    }

    #[test]
    fn other_protocols_are_told_from_whatsapps() {
        for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x03\0\x02\0\0", "GOA", "\0\0\x03abc", "\0\0\0"] {
            assert_eq!(asked(0, None).take(answer.as_bytes()), Verdict::Failed(Fault::Garbled), "{answer:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn garbage_proves_nothing_and_never_panics(pieces in vec(vec(any::<u8>(), 0..40), 0..20)) {
            let mut proof = asked(1_500, None);
            for piece in &pieces {
                prop_assert_ne!(proof.take(piece), Verdict::Proven);
            }
        }

        #[test]
        fn an_altered_answer_proves_nothing_but_what_it_says(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut proof = asked(1_500, None);
            let mut answer = answer(proof.hello(), ROOT);
            let at = at.index(answer.len());
            prop_assume!(answer[at] != to);
            answer[at] = to;
            prop_assert_ne!(proof.take(&answer), Verdict::Proven);
        }
    }
}
