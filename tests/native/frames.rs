//! A WebSocket by hand: the upgrade and the frames of RFC 6455, also those that no library would send.

use crate::tunnels::KEY;

/// Leaves a payload as it is.
pub(crate) const ZEROS: Option<[u8; 4]> = Some([0; 4]);

/// The head of an upgrade to this path behind the key, with these headers more, each with its end of line.
pub(crate) fn upgrade(path: &str, more: &str) -> String {
    let fixed = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    format!("GET /{KEY}/{path} HTTP/1.1\r\nHost: x\r\n{fixed}\r\n{key}\r\n{more}\r\n")
}

/// The header of a frame: a client's has a mask, a server's none.
pub(crate) fn header(first: u8, mask: Option<[u8; 4]>, len: usize) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut header = vec![first];
    match u16::try_from(len) {
        Ok(len @ 0..=125) => header.push(bit | u8::try_from(len).expect("short")),
        Ok(len) => {
            header.push(bit | 126);
            header.extend(len.to_be_bytes());
        }
        Err(_) => {
            header.push(bit | 127);
            header.extend((len as u64).to_be_bytes());
        }
    }
    header.extend(mask.into_iter().flatten());
    header
}

/// A whole frame.
pub(crate) fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masks = mask.unwrap_or_default();
    let masked = payload.iter().zip(masks.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    header(first, mask, payload.len()).into_iter().chain(masked).collect()
}
