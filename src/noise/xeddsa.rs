//! XEdDSA signatures with X25519 keys, in Signal's variant.
//!
//! The variant (libsignal, used by WhatsApp): the sign of the Edwards key is not forced to zero but
//! carried in the top bit of the signature's last byte. Specification: "The XEdDSA and VXEdDSA
//! Signature Schemes" by Trevor Perrin. Which keys sign what is `chain`'s matter.

use curve25519_dalek::{
    edwards::EdwardsPoint,
    montgomery::MontgomeryPoint,
    scalar::{Scalar, clamp_integer},
};
use sha2::{Digest, Sha512};

/// hash1's prefix: 2^256 - 2 in little-endian bytes, which no point encodes to.
const HASH1_PREFIX: [u8; 32] = {
    let mut prefix = [0xff; 32];
    prefix[0] = 0xfe;
    prefix
};

const SIGN_BIT: u8 = 0x80;

/// Whether `signature` over `message` was made with the secret of the X25519 key `public`.
///
/// Not for secrets: it takes variable time.
#[must_use]
pub fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let (Some((r, rest)), Some(last)) = (signature.split_first_chunk::<32>(), signature.last()) else {
        return false;
    };
    let Ok(mut s) = <[u8; 32]>::try_from(rest) else {
        return false;
    };
    let sign = last >> 7;
    s[31] &= !SIGN_BIT;
    // A scalar is below 2^253: what is above was never made by an honest signer.
    if s[31] & 0b1110_0000 != 0 {
        return false;
    }
    let Some(key) = MontgomeryPoint(*public).to_edwards(sign) else {
        return false;
    };
    let h = hash_scalar(&[r, key.compress().as_bytes(), message]);
    let s = Scalar::from_bytes_mod_order(s);
    EdwardsPoint::vartime_double_scalar_mul_basepoint(&h, &-key, &s).compress().as_bytes() == r
}

/// Signs `message` with an X25519 secret (clamped here if it is not yet).
///
/// `random` must be fresh from a cryptographic source for every signature.
#[must_use]
pub fn sign(secret: &[u8; 32], message: &[u8], random: &[u8; 64]) -> [u8; 64] {
    let secret = clamp_integer(*secret);
    let a = Scalar::from_bytes_mod_order(secret);
    let public = EdwardsPoint::mul_base(&a).compress();
    let r = hash_scalar(&[&HASH1_PREFIX, &secret, message, random]);
    let big_r = EdwardsPoint::mul_base(&r).compress();
    let h = hash_scalar(&[big_r.as_bytes(), public.as_bytes(), message]);
    let s = h * a + r;

    let mut signature = [0; 64];
    let (first, second) = signature.split_at_mut(32);
    first.copy_from_slice(big_r.as_bytes());
    second.copy_from_slice(s.as_bytes());
    signature[63] |= public.as_bytes()[31] & SIGN_BIT;
    signature
}

fn hash_scalar(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}
