//! Mutations of an input: bits, pieces of other inputs, words of the protocol, and numbers at their limits.

use fastrand::Rng;

const WORDS: &[&str] = &[
    "open",
    "resume",
    "opened",
    "resumed",
    "ack",
    "fin",
    "budget",
    "reset",
    "x-",
    "route",
    "chat",
    "tls",
    "window",
    "session",
    "attach",
    "received",
    "from",
    "features",
    "n",
    "code",
    "gone",
    "true",
    "false",
    "null",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\u0000",
    "\\ud800",
    "pasarela.v1",
    "m.",
    "d.",
    ", ",
    "=",
    "eyJhY2siOnsibiI6MX19",
    "V0EGAw",
    "\n",
    " ",
    "0.AAAA",
    "{\"ack\":{\"n\":",
    "{\"fin\":{\"n\":",
    "\n w 200000\n",
    "\n w 1\n",
    "\n W\n",
    "\n R 65536\n",
    "\n d 0 65536\n",
    "\n d 1 1\n",
    "\n m 0 4100\n",
    "\n r 1 1 0 65536\n",
    "\n r 2 9 4 65536 12288\n",
    "\n c 0 0\n",
    "\n c 1 1\n",
    "\n o 0\n",
    "\n o 1\n",
    "\n E\n",
    "\n n\n",
    "\n b 12288\n",
    "\n d 0 1048577\n",
    // The others' words.
    "WA\u{6}\u{3}",
    "PROXY TCP4 ",
    "UNKNOWN",
    "\r\n",
    "\r\n0\r\n\r\n",
    "HTTP/1.1 101 ",
    "HTTP/1.1 100 x\r\n\r\n",
    "Content-Length: ",
    "error code: 1101",
    "GET /",
    "?ED=",
    "Upgrade: websocket",
    "X-Forwarded-For: ",
    "Accept-Language: ",
    "&addr=",
    "&sni=",
    "&host=",
    "&port=",
    "%2f",
    "[::1]",
    "://",
    "\u{fffd}",
    "\u{10ffff}",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "4",
    "1.5",
    "1e3",
    "1e400",
    "255",
    "2560",
    "4095",
    "4096",
    "4097",
    "65535",
    "65536",
    "65537",
    "131072",
    "1048576",
    "1048577",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "00",
    "0x10",
];

/// The most that an input may become; beyond the longest message.
const LONGEST: usize = 10_000;

/// One to eight changes.
pub(crate) fn mutate(base: &[u8], others: &[&[u8]], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for _ in 0..rng.usize(1..=8) {
        change(&mut bytes, others, rng);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, others: &[&[u8]], rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    let until = (at + (1 << rng.u32(..8))).min(bytes.len());
    match rng.u8(..9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        1 if at < bytes.len() => bytes[at] = rng.u8(..),
        2 => drop(bytes.drain(at..until)),
        3 => {
            let again = bytes[at..until].to_vec();
            for _ in 0..rng.usize(1..20) {
                bytes.splice(at..at, again.iter().copied());
            }
        }
        4 | 5 => drop(bytes.splice(at..at, WORDS[rng.usize(..WORDS.len())].bytes())),
        6 | 7 => number(bytes, at, rng),
        _ => {
            let other = others[rng.usize(..others.len())];
            let from = rng.usize(..=other.len());
            let to = rng.usize(from..=other.len());
            bytes.splice(at..until, other[from..to].iter().copied());
        }
    }
}

/// Puts another number in the place of the first one behind `at`.
fn number(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let digits = |bytes: &[u8], from: usize, digit: bool| {
        bytes[from..].iter().position(|byte| byte.is_ascii_digit() == digit).map_or(bytes.len(), |found| from + found)
    };
    let start = digits(bytes, at, true);
    let end = digits(bytes, start, false);
    let other =
        if rng.bool() { NUMBERS[rng.usize(..NUMBERS.len())].to_string() } else { rng.u32(..200_000).to_string() };
    bytes.splice(start..end, other.bytes());
}
