//! WhatsApp's certificate chain: root, intermediate, leaf, in its own small protobuf format.
//!
//! Verification takes the time as an argument and looks at dates last, so that an error about dates
//! says that everything else was right. Building serves the simulator and tests. X.509, which
//! WhatsApp's media hosts use, is TLS's matter.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    proto::{Fields, Malformed, Value, byte_fields, put_bytes, put_varint},
    symmetric::public_key,
    xeddsa,
};

/// The public key of "WhatsAppLongTerm1", which every official client has compiled in.
pub const WHATSAPP_ROOT: [u8; 32] = [
    0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71, 0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37, 0xc4, 0xa2, 0x8b,
    0x73, 0xe3, 0x69, 0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b,
];

/// The serial of the root, which has no certificate of its own.
const ROOT_SERIAL: u32 = 0;

/// One of the two certificates of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Signed by the root.
    Intermediate,
    /// Signed by the intermediate; its key is the server's static key.
    Leaf,
}

/// Why a chain was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// Not the protobuf message of a chain.
    Malformed,
    /// This certificate, or its details, is not there.
    Missing(Certificate),
    /// This certificate's key is not 32 bytes or its signature not 64.
    BadLength(Certificate),
    /// The issuer's key did not make this certificate's signature.
    Signature(Certificate),
    /// This certificate names another issuer than the one it must have.
    Issuer(Certificate),
    /// The leaf is for another key than the one the server proved to hold.
    LeafKey,
    /// All of the above was right, but this certificate's time has not come yet.
    NotYetValid {
        /// Which one; the intermediate if both.
        certificate: Certificate,
        /// First valid second, Unix time.
        not_before: u64,
    },
    /// All of the above was right, but this certificate's time is over.
    Expired {
        /// Which one; the intermediate if both.
        certificate: Certificate,
        /// Last valid second, Unix time.
        not_after: u64,
    },
}

impl From<Malformed> for VerifyError {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intermediate => "intermediate certificate",
            Self::Leaf => "leaf certificate",
        })
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a certificate chain"),
            Self::Missing(which) => write!(f, "{which} is missing"),
            Self::BadLength(which) => write!(f, "{which} has a key or signature of a wrong length"),
            Self::Signature(which) => write!(f, "signature of the {which} is wrong"),
            Self::Issuer(which) => write!(f, "{which} names another issuer"),
            Self::LeafKey => f.write_str("leaf certificate is for another key"),
            Self::NotYetValid { certificate, not_before } => {
                write!(f, "{certificate} is not valid before unix time {not_before}")
            }
            Self::Expired { certificate, not_after } => write!(f, "{certificate} expired at unix time {not_after}"),
        }
    }
}

impl core::error::Error for VerifyError {}

/// What a certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Details {
    /// The certificate's own number.
    pub serial: u32,
    /// The number of the certificate that signed it; 0 is the root.
    pub issuer_serial: u32,
    /// The X25519 public key it vouches for.
    pub key: [u8; 32],
    /// First valid second, Unix time.
    pub not_before: u64,
    /// Last valid second, Unix time.
    pub not_after: u64,
}

/// A chain that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The certificate signed by the root.
    pub intermediate: Details,
    /// The server's certificate.
    pub leaf: Details,
}

/// Verifies that `root` vouches for `server_static` by `chain` at `now` (Unix seconds).
pub fn verify(server_static: &[u8; 32], chain: &[u8], root: &[u8; 32], now: u64) -> Result<Verified, VerifyError> {
    let [leaf, intermediate] = byte_fields(chain, [1, 2])?;
    let intermediate = Signed::parse(intermediate, Certificate::Intermediate)?;
    let leaf = Signed::parse(leaf, Certificate::Leaf)?;

    intermediate.check_signature(root)?;
    intermediate.check_issuer(ROOT_SERIAL)?;
    leaf.check_signature(&intermediate.details.key)?;
    leaf.check_issuer(intermediate.details.serial)?;
    if leaf.details.key != *server_static {
        return Err(VerifyError::LeafKey);
    }
    intermediate.check_dates(now)?;
    leaf.check_dates(now)?;
    Ok(Verified { intermediate: intermediate.details, leaf: leaf.details })
}

/// A certificate as it arrived: the signature counts for the bytes, not for what they mean.
struct Signed<'a> {
    which: Certificate,
    raw: &'a [u8],
    signature: [u8; 64],
    details: Details,
}

impl<'a> Signed<'a> {
    fn parse(certificate: Option<&'a [u8]>, which: Certificate) -> Result<Self, VerifyError> {
        let certificate = certificate.ok_or(VerifyError::Missing(which))?;
        let [raw, signature] = byte_fields(certificate, [1, 2])?;
        let raw = raw.ok_or(VerifyError::Missing(which))?;
        let signature = signature.unwrap_or_default().try_into();
        Ok(Self {
            which,
            raw,
            signature: signature.map_err(|_| VerifyError::BadLength(which))?,
            details: Details::parse(raw, which)?,
        })
    }

    fn check_signature(&self, issuer: &[u8; 32]) -> Result<(), VerifyError> {
        if xeddsa::verify(issuer, self.raw, &self.signature) { Ok(()) } else { Err(VerifyError::Signature(self.which)) }
    }

    fn check_issuer(&self, serial: u32) -> Result<(), VerifyError> {
        if self.details.issuer_serial == serial { Ok(()) } else { Err(VerifyError::Issuer(self.which)) }
    }

    fn check_dates(&self, now: u64) -> Result<(), VerifyError> {
        let Details { not_before, not_after, .. } = self.details;
        let certificate = self.which;
        if now < not_before {
            return Err(VerifyError::NotYetValid { certificate, not_before });
        }
        if now > not_after {
            return Err(VerifyError::Expired { certificate, not_after });
        }
        Ok(())
    }
}

impl Details {
    fn parse(raw: &[u8], which: Certificate) -> Result<Self, VerifyError> {
        let mut numbers = [0u64; 4];
        let mut key: &[u8] = &[];
        for field in Fields::new(raw) {
            let [serial, issuer_serial, not_before, not_after] = &mut numbers;
            match field? {
                (1, Value::Varint(n)) => *serial = n,
                (2, Value::Varint(n)) => *issuer_serial = n,
                (3, Value::Bytes(bytes)) => key = bytes,
                (4, Value::Varint(n)) => *not_before = n,
                (5, Value::Varint(n)) => *not_after = n,
                (_, Value::Varint(_) | Value::Bytes(_) | Value::Fixed) => {}
            }
        }
        let [serial, issuer_serial, not_before, not_after] = numbers;
        Ok(Self {
            serial: u32::try_from(serial).map_err(|_| VerifyError::Malformed)?,
            issuer_serial: u32::try_from(issuer_serial).map_err(|_| VerifyError::Malformed)?,
            key: key.try_into().map_err(|_| VerifyError::BadLength(which))?,
            not_before,
            not_after,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, 1, self.serial.into());
        put_varint(&mut out, 2, self.issuer_serial.into());
        put_bytes(&mut out, 3, &self.key);
        put_varint(&mut out, 4, self.not_before);
        put_varint(&mut out, 5, self.not_after);
        out
    }
}

/// One certificate to issue; whatever it says is signed, right or wrong, for tests of refusals.
pub struct Issue<'a> {
    /// The issuer's X25519 secret.
    pub issuer_secret: &'a [u8; 32],
    /// What the certificate shall say.
    pub details: Details,
    /// Fresh randomness for the signature.
    pub random: &'a [u8; 64],
}

impl Issue<'_> {
    fn encode(&self) -> Vec<u8> {
        let details = self.details.encode();
        let signature = xeddsa::sign(self.issuer_secret, &details, self.random);
        let mut out = Vec::new();
        put_bytes(&mut out, 1, &details);
        put_bytes(&mut out, 2, &signature);
        out
    }
}

/// Encodes the chain of two certificates.
#[must_use]
pub fn build(intermediate: &Issue<'_>, leaf: &Issue<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, 1, &leaf.encode());
    put_bytes(&mut out, 2, &intermediate.encode());
    out
}

/// A chain as a real server has it: its secrets, serials and the one validity of both certificates.
pub struct Plan<'a> {
    /// X25519 secret of the root.
    pub root_secret: &'a [u8; 32],
    /// X25519 secret of the intermediate.
    pub intermediate_secret: &'a [u8; 32],
    /// X25519 secret of the leaf, the server's static secret.
    pub leaf_secret: &'a [u8; 32],
    /// Serials of the intermediate and of the leaf.
    pub serials: [u32; 2],
    /// First and last valid second of both, Unix time.
    pub validity: [u64; 2],
    /// Fresh randomness for the two signatures.
    pub random: &'a [[u8; 64]; 2],
}

impl Plan<'_> {
    /// Issues both certificates.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let [intermediate_serial, leaf_serial] = self.serials;
        let [not_before, not_after] = self.validity;
        let [first, second] = self.random;
        let intermediate = Issue {
            issuer_secret: self.root_secret,
            details: Details {
                serial: intermediate_serial,
                issuer_serial: ROOT_SERIAL,
                key: public_key(self.intermediate_secret),
                not_before,
                not_after,
            },
            random: first,
        };
        let leaf = Issue {
            issuer_secret: self.intermediate_secret,
            details: Details {
                serial: leaf_serial,
                issuer_serial: intermediate_serial,
                key: public_key(self.leaf_secret),
                not_before,
                not_after,
            },
            random: second,
        };
        build(&intermediate, &leaf)
    }
}
