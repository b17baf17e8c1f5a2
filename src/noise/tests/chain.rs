//! Chains: WhatsApp's own, ours, and every way to be wrong.

use base64::prelude::{BASE64_STANDARD, Engine};
use pasarela_noise::{
    WHATSAPP_ROOT,
    chain::{Certificate, Details, Issue, Verified, VerifyError, build, verify},
    public_key, xeddsa,
};

use crate::{INTERMEDIATE, ROOT, SERVER, VALIDITY};

/// A chain that WhatsApp's servers sent in 2026, as openclaw/crabline (MIT) carries it in
/// `src/servers/whatsapp-baileys-websocket.ts`.
const GENUINE: &str = concat!(
    "CncKMwjjAhADGiCRKg7Kg1iu4CSulwLBaxX51Tefw6VXGgZqcr5OEbXIRiDQ04bOBijQjZ/TBhJA34Bj82jAHhLpCWBNVBlG",
    "nFDieamd8+138S57uMt9ke9mrn5r4+VepwBPKEgHjob6bR70rlCmWDkxZv+CfVjIAxJ2CjIIAxAAGiAcUamsMDmUxsjQuS6h",
    "h4pTNHZZnMWZ++o1mX2aqQzOYiCAka6+Bij/3rfcBhJAJw8pRkhTn+1IcOJQVN1OlZg6uikYnCumyO7acFVVX3U3QPXsGSq2",
    "TCbCbWrebSC593Su43EgprIDlfU8ZgWFBw=="
);
const LEAF_STARTS: u64 = 1_774_299_600; // 2026-03-23 21:00 UTC
const LEAF_ENDS: u64 = 1_785_186_000; // 2026-07-27 21:00 UTC
const INTERMEDIATE_STARTS: u64 = 1_741_392_000; // 2025-03-08
const INTERMEDIATE_ENDS: u64 = 1_804_463_999; // 2027-03-07, last second

fn genuine() -> Vec<u8> {
    BASE64_STANDARD.decode(GENUINE).expect("a constant")
}

fn verify_genuine(now: u64) -> Result<Verified, VerifyError> {
    // The leaf's key: what WhatsApp's server would have proved to hold.
    let key: [u8; 32] = genuine()[11..43].try_into().expect("32 bytes");
    verify(&key, &genuine(), &WHATSAPP_ROOT, now)
}

#[test]
fn the_genuine_chain_holds_in_its_time() {
    for now in [LEAF_STARTS, 1_780_000_000, LEAF_ENDS] {
        let verified = verify_genuine(now).expect("right chain, right time");
        assert_eq!((verified.leaf.serial, verified.intermediate.serial), (355, 3));
    }
}

#[test]
fn the_genuine_chain_fails_by_its_dates_only() {
    let today = 1_795_300_000; // 2026-11-21
    let expired = |certificate, not_after| VerifyError::Expired { certificate, not_after };
    let early = |certificate, not_before| VerifyError::NotYetValid { certificate, not_before };
    let cases = [
        (today, expired(Certificate::Leaf, LEAF_ENDS)),
        (LEAF_ENDS + 1, expired(Certificate::Leaf, LEAF_ENDS)),
        (LEAF_STARTS - 1, early(Certificate::Leaf, LEAF_STARTS)),
        (INTERMEDIATE_ENDS + 1, expired(Certificate::Intermediate, INTERMEDIATE_ENDS)),
        (INTERMEDIATE_STARTS - 1, early(Certificate::Intermediate, INTERMEDIATE_STARTS)),
    ];
    for (now, error) in cases {
        assert_eq!(verify_genuine(now), Err(error));
    }
}

fn is_of_dates(error: &VerifyError) -> bool {
    matches!(error, VerifyError::NotYetValid { .. } | VerifyError::Expired { .. })
}

#[test]
fn no_bit_of_the_genuine_chain_may_change() {
    let chain = genuine();
    let key: [u8; 32] = chain[11..43].try_into().expect("32 bytes");
    for bit in 0..chain.len() * 8 {
        let mut altered = chain.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let result = verify(&key, &altered, &WHATSAPP_ROOT, 1_780_000_000);
        // Dates are under the signatures, so that no altered date may count as one.
        assert!(result.is_err_and(|error| !is_of_dates(&error)), "bit {bit}: {result:?}");
    }
}

/// What a chain says, before it is signed; `check` signs and verifies it.
struct Case {
    signers: [[u8; 32]; 2],
    details: [Details; 2],
    now: u64,
}

impl Case {
    fn right() -> Self {
        let [not_before, not_after] = VALIDITY;
        let details = |serial, issuer_serial, secret| Details {
            serial,
            issuer_serial,
            key: public_key(secret),
            not_before,
            not_after,
        };
        Self {
            signers: [ROOT, INTERMEDIATE],
            details: [details(3, 0, &INTERMEDIATE), details(355, 3, &SERVER)],
            now: 1_500,
        }
    }

    fn check(change: impl FnOnce(&mut Self)) -> Result<(), VerifyError> {
        let mut case = Self::right();
        change(&mut case);
        let issue = |n: usize| Issue { issuer_secret: &case.signers[n], details: case.details[n], random: &[9; 64] };
        let chain = build(&issue(0), &issue(1));
        let server = public_key(&SERVER);
        verify(&server, &chain, &public_key(&ROOT), case.now).map(drop)
    }
}

#[test]
fn every_wrong_field_has_its_own_error() {
    use Certificate::{Intermediate, Leaf};
    let stranger = [99; 32];
    assert_eq!(Case::check(|_| ()), Ok(()));
    assert_eq!(Case::check(|it| it.signers[0] = stranger), Err(VerifyError::Signature(Intermediate)));
    assert_eq!(Case::check(|it| it.signers[1] = stranger), Err(VerifyError::Signature(Leaf)));
    assert_eq!(Case::check(|it| it.details[0].key = public_key(&stranger)), Err(VerifyError::Signature(Leaf)));
    assert_eq!(Case::check(|it| it.details[0].issuer_serial = 1), Err(VerifyError::Issuer(Intermediate)));
    assert_eq!(Case::check(|it| it.details[0].serial = 4), Err(VerifyError::Issuer(Leaf)));
    assert_eq!(Case::check(|it| it.details[1].issuer_serial = 4), Err(VerifyError::Issuer(Leaf)));
    assert_eq!(Case::check(|it| it.details[1].key = public_key(&stranger)), Err(VerifyError::LeafKey));
    for (n, certificate) in [(0, Intermediate), (1, Leaf)] {
        assert_eq!(
            Case::check(|it| it.details[n].not_after = 1_499),
            Err(VerifyError::Expired { certificate, not_after: 1_499 })
        );
        assert_eq!(
            Case::check(|it| it.details[n].not_before = 1_501),
            Err(VerifyError::NotYetValid { certificate, not_before: 1_501 })
        );
    }
}

#[test]
fn dates_are_judged_last() {
    let wrong = Case::check(|it| {
        it.now = 5_000;
        it.details[1].key = public_key(&[99; 32]);
    });
    assert_eq!(wrong, Err(VerifyError::LeafKey));
}

#[test]
fn a_chain_without_its_parts_says_which_is_missing() {
    let key = public_key(&SERVER);
    let root = public_key(&ROOT);
    let check = |chain: &[u8]| verify(&key, chain, &root, 1_500).map(drop);
    use Certificate::{Intermediate, Leaf};
    assert_eq!(check(&[]), Err(VerifyError::Missing(Intermediate)));
    assert_eq!(check(&[0x12, 0]), Err(VerifyError::Missing(Intermediate)), "empty intermediate");
    assert_eq!(check(&[0x12, 2, 0x0a, 0]), Err(VerifyError::BadLength(Intermediate)), "no signature");
    let whole = crate::chain();
    let leaf_len = usize::from(whole[1]) + 2;
    assert_eq!(check(&whole[leaf_len..]), Err(VerifyError::Missing(Leaf)), "intermediate alone");
    assert_eq!(check(&[0xff]), Err(VerifyError::Malformed));
}

#[test]
fn unknown_fields_are_skipped() {
    let mut chain = crate::chain();
    // Field 15 of each wire type: varint, 64 bit, bytes, 32 bit.
    chain.extend([0x78, 0x05]);
    chain.extend([0x79, 1, 2, 3, 4, 5, 6, 7, 8]);
    chain.extend([0x7a, 2, 1, 2]);
    chain.extend([0x7d, 1, 2, 3, 4]);
    crate::assert_holds(&public_key(&SERVER), &chain);
}

#[test]
fn a_signature_counts_for_its_key_and_message_alone() {
    for seed in 0..16 {
        let secret = [seed; 32];
        let signature = xeddsa::sign(&secret, b"message", &[seed; 64]);
        let public = public_key(&secret);
        assert!(xeddsa::verify(&public, b"message", &signature));
        assert!(!xeddsa::verify(&public, b"massage", &signature));
        assert!(!xeddsa::verify(&public_key(&[77; 32]), b"message", &signature));
        let mut other_sign = signature;
        other_sign[63] ^= 0x80;
        assert!(!xeddsa::verify(&public, b"message", &other_sign));
    }
}
