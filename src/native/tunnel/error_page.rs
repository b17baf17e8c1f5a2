//! Which of the CDN's error pages an answer is: they bear a number.
//!
//! A page comes as the request allows it: in chunks, and packed as browsers like it. It is unpacked before it is judged, as far
//! as it has come.

use std::{
    io::{self, Read},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{io::AsyncReadExt, time::timeout};

use super::head::Head;
use crate::net::BoxedStream;

/// So much of a page is read, in bytes.
const PAGE_MAX: usize = 4 * 1024;

/// And for so long: most pages come with their head.
const PAGE: Duration = Duration::from_secs(1);

/// So much of an unpacked page is looked at, in bytes.
const TEXT_MAX: u64 = 32 * 1024;

/// What unpacking may take, in bytes.
const UNPACKING_MAX: u64 = 1 << 20;

/// The number, if the answer with this head is such a page, of which this has come.
pub(super) async fn number(head: &Head, stream: &mut BoxedStream, mut page: BytesMut) -> Option<u16> {
    let length = head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(PAGE_MAX);
    let length = length.min(PAGE_MAX);
    let chunked = head.header("transfer-encoding").is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked"));
    let is_whole = |page: &[u8]| page.len() >= length || (chunked && joined(page).1);
    let reading = async { while !is_whole(&page) && matches!(stream.read_buf(&mut page).await, Ok(1..)) {} };
    // What has come until then must do.
    let _ = timeout(PAGE, reading).await;
    page.truncate(length);
    let body = if chunked { joined(&page).0 } else { page.to_vec() };
    named(&unpacked(body, head.header("content-encoding").unwrap_or_default()))
}

/// The chunks that have come, put together, and whether there was the last (RFC 9112, section 7.1).
fn joined(mut page: &[u8]) -> (Vec<u8>, bool) {
    let mut whole = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((head, length))) = httparse::parse_chunk_size(page) else {
            return (whole, false);
        };
        let rest = page.get(head..).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length == 0 {
            return (whole, true);
        }
        whole.extend_from_slice(rest.get(..length).unwrap_or(rest));
        // A line's end follows each.
        page = rest.get(length.saturating_add(2)..).unwrap_or_default();
    }
}

/// The page behind these codings, the last of which was applied last (RFC 9110, section 8.4).
fn unpacked(mut page: Vec<u8>, codings: &str) -> Vec<u8> {
    for coding in codings.rsplit(',').map(str::trim) {
        page = match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => begin(flate2::read::GzDecoder::new(&page[..])),
            "deflate" => begin(flate2::read::ZlibDecoder::new(&page[..])),
            "br" => begin(brotli_decompressor::Decompressor::new(&page[..], PAGE_MAX)),
            "zstd" => ruzstd::decoding::StreamingDecoder::new_with_max_window_size(&page[..], UNPACKING_MAX)
                .map_or_else(|_| Vec::new(), begin),
            _ => page,
        };
    }
    page
}

/// As much of it as can be had.
fn begin(packed: impl Read) -> Vec<u8> {
    let mut page = Vec::new();
    // What came before an error is in there.
    let _: io::Result<usize> = packed.take(TEXT_MAX).read_to_end(&mut page);
    page
}

/// Cloudflare's numbers, in plain text `error code: 1101`, in HTML with tags between the words and the number.
fn named(page: &[u8]) -> Option<u16> {
    let page = String::from_utf8_lossy(page).to_ascii_lowercase();
    let mut text = String::new();
    let mut inside = false;
    for letter in page.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        let letter = if letter.is_alphanumeric() { letter } else { ' ' };
        if letter != ' ' || !text.ends_with(' ') {
            text.push(letter);
        }
    }
    let behind = |words: &'static str| text.match_indices(words).map(move |(at, words)| at + words.len());
    let mut numbers = behind("error code ").chain(behind("error ")).filter_map(|at| {
        let digits = text.get(at..)?.split(' ').next()?;
        digits.parse().ok().filter(|number| digits.len() == 4 && (1000..2000).contains(number))
    });
    numbers.next()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const PAGE: &[u8] = b"<h1>Error <span>1020</span></h1> access denied";

    fn gzip(page: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(page).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn zlib(page: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(page).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn zstd(page: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(page, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// As one uncompressed piece (RFC 7932, section 9.2).
    fn brotli(page: &[u8]) -> Vec<u8> {
        let length = u32::try_from(page.len() - 1).expect("short");
        // A window of 16 bits; not the last piece; its length in four digits; uncompressed. Then the last, empty piece.
        let header = (length << 4) | (1 << 20);
        [&header.to_le_bytes()[..3], page, &[3]].concat()
    }

    #[test]
    fn a_packed_page_is_unpacked_before_it_is_judged() {
        for (coding, packed) in [
            ("", PAGE.to_vec()),
            ("identity", PAGE.to_vec()),
            ("gzip", gzip(PAGE)),
            ("deflate", zlib(PAGE)),
            ("br", brotli(PAGE)),
            ("zstd", zstd(PAGE)),
            ("gzip, ZSTD", zstd(&gzip(PAGE))),
        ] {
            assert_eq!(named(&unpacked(packed, coding)), Some(1020), "{coding}");
            assert_eq!(named(&unpacked(b"no such thing".to_vec(), coding)), None, "{coding}");
        }
    }

    #[test]
    fn a_page_that_blows_up_is_looked_at_for_its_beginning() {
        let bomb = gzip(&[PAGE, &vec![b' '; 10 << 20]].concat());
        assert_eq!(named(&unpacked(bomb, "gzip")), Some(1020));
    }

    #[test]
    fn chunks_are_joined_as_far_as_they_have_come() {
        for (page, whole) in [
            (&b"4\r\nerro\r\n6;x=y\r\nr code\r\n0\r\n\r\n"[..], (&b"error code"[..], true)),
            (b"4\r\nerro\r\n6\r\nr c", (b"error c", false)),
            (b"fffffffffffffff\r\nerr", (b"err", false)),
            (b"no number\r\n", (b"", false)),
            (b"", (b"", false)),
        ] {
            let (joined, last) = joined(page);
            assert_eq!((&joined[..], last), whole);
        }
    }
}
