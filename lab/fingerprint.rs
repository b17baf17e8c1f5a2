//! What protocol the first bytes of a client look like, and whether they look like none.
//!
//! These are the fingerprints that censors were seen to use, with their errors; they prove nothing about the protocol.

/// How a request may begin.
const METHODS: [&[u8]; 7] = [b"GET ", b"PUT ", b"POST ", b"HEAD ", b"CONNECT ", b"OPTIONS ", b"DELETE "];
/// Bytes that look like text if they stand at the beginning.
const TEXT_AT_START: usize = 6;
/// Bytes of text in a row that no cipher gives.
const TEXT_IN_A_ROW: usize = 20;

/// Handshake or application data of TLS.
#[must_use]
pub const fn is_tls(payload: &[u8]) -> bool {
    matches!(payload, [0x16 | 0x17, 3, 0..=9, ..])
}

/// A request of HTTP/1.
#[must_use]
pub fn is_http(payload: &[u8]) -> bool {
    METHODS.iter().any(|method| payload.starts_with(method))
}

/// A DNS question with the length before it, as TCP has it.
#[must_use]
pub const fn is_dns(payload: &[u8]) -> bool {
    matches!(payload, [_, _, _, _, flags, _, 0, 1..=255, 0, 0, ..] if *flags & 0xf8 == 0)
}

/// The published rule by which the GFW takes data for those of a fully encrypted protocol (USENIX Security 2023): between 3.4 and
/// 4.6 bits set per byte, little text, and neither TLS nor HTTP.
#[must_use]
pub fn is_fully_encrypted(payload: &[u8]) -> bool {
    let set: usize = payload.iter().map(|byte| byte.count_ones() as usize).sum();
    // In tenths of a bit, to stay with whole numbers.
    let is_noise = set * 10 > payload.len() * 34 && set * 10 < payload.len() * 46;
    let text = payload.iter().filter(|byte| is_text(**byte)).count();
    let starts_with_text =
        payload.len() >= TEXT_AT_START && payload.iter().take(TEXT_AT_START).all(|byte| is_text(*byte));
    let longest = payload.split(|byte| !is_text(*byte)).map(<[u8]>::len).max().unwrap_or(0);
    is_noise
        && !starts_with_text
        && text * 2 <= payload.len()
        && longest <= TEXT_IN_A_ROW
        && !is_tls(payload)
        && !is_http(payload)
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Four bits set in each byte, and no text.
    const NOISE: [u8; 40] = [0x8d; 40];

    fn with(at: usize, text: &[u8]) -> Vec<u8> {
        let mut bytes = NOISE.to_vec();
        bytes[at..at + text.len()].copy_from_slice(text);
        bytes
    }

    #[test]
    fn noise_is_taken_for_a_fully_encrypted_protocol() {
        assert!(is_fully_encrypted(&NOISE));
        assert!(!is_fully_encrypted(&[]));
    }

    #[test]
    fn each_exemption_spares() {
        // 3.4 and 4.6 bits per byte exactly: 17 and 23 in 5.
        assert!(!is_fully_encrypted(&[0x87, 0x87, 0x83, 0x83, 0x83]));
        assert!(!is_fully_encrypted(&[0x9f, 0x9d, 0x9d, 0x8d, 0x8d]));
        assert!(is_fully_encrypted(&[0x87, 0x87, 0x87, 0x83, 0x83]));
        assert!(!is_fully_encrypted(&with(0, b"UUUUUU")));
        assert!(is_fully_encrypted(&with(0, b"UUUUU")));
        assert!(is_fully_encrypted(&with(10, &[b'U'; 20])));
        assert!(!is_fully_encrypted(&with(10, &[b'U'; 21])));
        assert!(!is_fully_encrypted(&b"U\x8d".repeat(20)[1..].iter().copied().chain([b'U', b'U']).collect::<Vec<_>>()));
        assert!(!is_fully_encrypted(&with(0, &[0x17, 3, 3])));
        assert!(!is_fully_encrypted(&with(0, b"GET ")));
    }

    #[test]
    fn protocols_are_known_by_their_first_bytes() {
        assert!(is_tls(&[0x16, 3, 1]) && !is_tls(&[0x16, 3]) && !is_tls(&[0x15, 3, 1]));
        assert!(is_http(b"POST /") && !is_http(b"POS"));
        let question = testing::dns_question("relay.example", 1);
        let with_length = [&[0, 31][..], &question].concat();
        assert!(is_dns(&with_length) && !is_dns(&NOISE));
    }
}
