//! Texts in files that several commands are given.

use std::{fs, io, path::Path};

/// A text as editors and shells write it: in UTF-8 or, as PowerShell does, in UTF-16, with a byte order mark or without.
pub(super) fn text(file: &Path) -> io::Result<String> {
    decoded(fs::read(file)?)
}

fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    let units = |pair: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<_> = bytes.as_chunks().0.iter().copied().map(pair).collect();
        String::from_utf16(&units).map_err(|_| not_text())
    };
    match &bytes[..] {
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(|_| not_text()),
        _ => String::from_utf8(bytes).map_err(|_| not_text()),
    }
}

fn not_text() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8 or UTF-16")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_however_it_was_saved() {
        const TEXT: &str = "ana=0123456789abcdef\n";
        let utf16 = |bytes: fn(u16) -> [u8; 2]| TEXT.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        for saved in [
            TEXT.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", TEXT.as_bytes()].concat(),
            [&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat(),
            [&[0xfe, 0xff][..], &utf16(u16::to_be_bytes)].concat(),
        ] {
            assert_eq!(decoded(saved).expect("text"), TEXT);
        }
        assert!(decoded(vec![0xff, 0xd8, 0xff]).is_err());
    }
}
