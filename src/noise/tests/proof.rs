//! The proof that WhatsApp answers: what convinces, in whatever pieces it comes, and what does not.

use pasarela_noise::{
    proof::{Proof, ProofError},
    public_key, wire,
};
use proptest::{collection::vec, prelude::*};

use crate::{CLIENT_EPHEMERAL, ROOT, chain_of, respond_with};

fn asked() -> Proof {
    Proof::new(CLIENT_EPHEMERAL, public_key(&ROOT))
}

/// What a server says to this hello whose chain is made by `signer`.
fn answer(hello: &[u8], signer: [u8; 32]) -> Vec<u8> {
    let (header, frame) = hello.split_first_chunk().expect("a header");
    let (body, rest) = wire::decode_frame(frame).expect("a whole frame");
    assert_eq!((*header, rest), (wire::HEADER, &[][..]));
    let (_, answer) = respond_with(&chain_of(signer), body);
    let mut out = Vec::new();
    wire::encode_frame(&answer, &mut out).expect("short");
    out
}

fn judged(signer: [u8; 32], now: u64) -> Result<(), ProofError> {
    let mut proof = asked();
    let answer = answer(proof.hello(), signer);
    assert!(proof.take(&answer));
    proof.judge(now).expect("all of it").map(drop)
}

#[test]
fn who_proves_to_be_whatsapp_is_believed_and_nobody_else() {
    assert_eq!(judged(ROOT, 1_500), Ok(()));
    assert_eq!(judged([99; 32], 1_500), Err(ProofError::Forged));
    // Who forges is not excused by dates that are wrong, too.
    assert_eq!(judged([99; 32], 9_000), Err(ProofError::Forged));
}

#[test]
fn dates_are_told_from_forgery() {
    assert_eq!(judged(ROOT, 10), Err(ProofError::NotYetValid(1_000)));
    assert_eq!(judged(ROOT, 9_000), Err(ProofError::Expired(2_000)));
}

#[test]
fn an_answer_may_come_in_any_pieces_and_with_more_behind_it() {
    let whole = answer(asked().hello(), ROOT);
    for cut in 1..whole.len() {
        let (first, second) = whole.split_at(cut);
        let mut proof = asked();
        assert_eq!((proof.take(first), proof.take(&[]), proof.judge(1_500)), (false, false, None));
        assert!(proof.take(second) && proof.take(b"whatever"));
        assert!(proof.judge(1_500).is_some_and(|judged| judged.is_ok()));
    }
    let mut proof = asked();
    assert_eq!(whole.iter().map(|byte| proof.take(&[*byte])).filter(|all| *all).count(), 1);
    let with_more = [&whole[..], &[0; 100_000]].concat();
    let mut proof = asked();
    assert!(proof.take(&with_more) && proof.judge(1_500).is_some_and(|judged| judged.is_ok()));
}

#[test]
fn an_answer_to_somebody_else_is_forged() {
    let to_another = Proof::new([7; 32], [0; 32]);
    let answer = answer(to_another.hello(), ROOT);
    let mut proof = asked();
    assert!(proof.take(&answer));
    assert_eq!(proof.judge(1_500).map(|judged| judged.map(drop)), Some(Err(ProofError::Forged)));
}

#[test]
fn other_protocols_are_told_from_whatsapps() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x03\0\x02\0\0", "GOA", "\0\0\x03abc", "\0\0\0"] {
        let mut proof = asked();
        assert!(proof.take(answer.as_bytes()), "{answer:?}");
        assert_eq!(proof.judge(0).map(|judged| judged.map(drop)), Some(Err(ProofError::Garbled)), "{answer:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_proves_nothing_and_never_panics(pieces in vec(vec(any::<u8>(), 0..40), 0..20)) {
        let mut proof = asked();
        for piece in &pieces {
            proof.take(piece);
            prop_assert!(proof.judge(1_500).is_none_or(|judged| judged.is_err()));
        }
    }

    #[test]
    fn an_altered_answer_proves_nothing_but_what_it_says(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut proof = asked();
        let mut answer = answer(proof.hello(), ROOT);
        let at = at.index(answer.len());
        prop_assume!(answer[at] != to);
        answer[at] = to;
        proof.take(&answer);
        prop_assert!(proof.judge(1_500).is_none_or(|judged| judged.is_err()));
    }
}
