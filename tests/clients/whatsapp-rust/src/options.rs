//! The command line of the driver: what may be asked, checked before anything is dialled.
//!
//! It acts on nothing; `main.rs` does.

use std::time::Duration;

pub(crate) const USAGE: &str =
    "usage: whatsapp-rust-driver URL [--root-key HEX] [--routing-info HEX] [--stay SECONDS] [--timeout SECONDS]

  --root-key      accepted and not used: this build skips the verification of the certificate chain
  --routing-info  sent as the ED preamble, as if an earlier login had stored it
  --stay          how long the connection must stay up after the QR code (default 0)
  --timeout       how long to wait for the QR code (default 20)";

/// A checked command line.
pub(crate) struct Options {
    pub(crate) url: String,
    pub(crate) routing_info: Option<Vec<u8>>,
    pub(crate) stay: Duration,
    pub(crate) timeout: Duration,
}

impl Options {
    /// Reads the arguments behind the program's name; the error is one line for a person.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut url = None;
        let mut routing_info = None;
        let mut stay = Duration::ZERO;
        let mut timeout = Duration::from_secs(20);
        while let Some(arg) = args.next() {
            if !arg.starts_with('-') {
                if url.replace(arg).is_some() {
                    return Err("one URL is needed".to_owned());
                }
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{arg}: a value is needed"))?;
            match arg.as_str() {
                "--root-key" if hex(&value)?.len() == 32 => {}
                "--root-key" => return Err("--root-key is 32 bytes".to_owned()),
                "--routing-info" => routing_info = Some(hex(&value)?),
                "--stay" => stay = seconds(&value)?,
                "--timeout" => timeout = seconds(&value)?,
                _ => return Err(format!("unknown option {arg}")),
            }
        }
        let url = url.filter(|url| url.starts_with("ws://") || url.starts_with("wss://"));
        let url = url.ok_or("one ws:// URL is needed")?;
        Ok(Self { url, routing_info, stay, timeout })
    }
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect();
    bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| format!("not hex: {text:?}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse().map_err(|_| format!("not a number of seconds: {text:?}"))?;
    Duration::try_from_secs_f64(number).map_err(|_| format!("not a number of seconds: {text:?}"))
}
