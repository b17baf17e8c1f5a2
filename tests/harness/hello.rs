//! What a TLS hello shows, as text without what is random in it, so that two can be compared.

use anyhow::{Context, Result, bail, ensure};

/// A reader of length-prefixed fields (RFC 8446, section 3.4).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("the hello ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<usize> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// What stands behind its length, which takes so many bytes.
    fn field(&mut self, bytes: usize) -> Result<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

/// The whole hello, as soon as these bytes hold it.
#[must_use]
pub fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.get(3..5)?;
    bytes.get(..5 + usize::from(u16::from_be_bytes([length[0], length[1]])))
}

/// A line for each part of a hello in one record; extensions are sorted, since browsers shuffle them.
///
/// # Errors
/// It is none.
pub fn describe(record: &[u8]) -> Result<Vec<String>> {
    let mut fields = Fields(record);
    ensure!(fields.number(1)? == 22, "no handshake");
    let mut lines = vec![format!("record version {:04x}", fields.number(2)?)];
    let mut fields = Fields(fields.field(2)?);
    ensure!(fields.number(1)? == 1, "no hello");
    let mut fields = Fields(fields.field(3)?);
    lines.push(format!("hello version {:04x}", fields.number(2)?));
    fields.take(32)?;
    lines.push(format!("session {} random bytes", fields.field(1)?.len()));
    lines.push(format!("suites {}", numbers(fields.field(2)?)));
    lines.push(format!("compression {}", hex(fields.field(1)?)));
    let mut extensions = Fields(fields.field(2)?);
    let mut found = Vec::new();
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        found.push(extension(kind, extensions.field(2)?)?);
    }
    found.sort();
    lines.extend(found);
    Ok(lines)
}

fn extension(kind: usize, body: &[u8]) -> Result<String> {
    let name = name(kind);
    let mut fields = Fields(body);
    Ok(match kind {
        _ if is_grease(kind) => format!("extension grease: {} bytes", body.len().min(1)),
        // Groups; signatures.
        10 | 13 => format!("{name}: {}", numbers(fields.field(2)?)),
        43 => format!("{name}: {}", numbers(fields.field(1)?)),
        51 => {
            let mut keys = Fields(fields.field(2)?);
            let mut shown = Vec::new();
            while !keys.0.is_empty() {
                let group = number(keys.number(2)?);
                shown.push(format!("{group} of {} bytes", keys.field(2)?.len()));
            }
            format!("{name}: {}", shown.join(", "))
        }
        // Padded to one of several lengths, as chance falls.
        0xfe0d => {
            let (kind, suite) = (fields.number(1)?, [fields.number(2)?, fields.number(2)?]);
            fields.number(1)?;
            let (key, payload) = (fields.field(2)?.len(), fields.field(2)?.len());
            ensure!(payload % 32 == 16, "an encrypted hello of {payload} bytes");
            format!("{name}: {kind}, {:04x} {:04x}, a key of {key} bytes", suite[0], suite[1])
        }
        _ => format!("{name}: {}", hex(body)),
    })
}

fn name(kind: usize) -> String {
    let known = [
        (0, "server_name"),
        (5, "status_request"),
        (10, "supported_groups"),
        (11, "ec_point_formats"),
        (13, "signature_algorithms"),
        (16, "alpn"),
        (18, "signed_certificate_timestamp"),
        (23, "extended_master_secret"),
        (27, "compress_certificate"),
        (35, "session_ticket"),
        (43, "supported_versions"),
        (45, "psk_key_exchange_modes"),
        (51, "key_share"),
        (0xca34, "trust_anchors"),
        (0xfe0d, "encrypted_client_hello"),
        (0xff01, "renegotiation_info"),
    ];
    let word = known.iter().find(|(known, _)| *known == kind).map_or("unknown", |(_, word)| word);
    format!("extension {kind:04x} {word}")
}

/// Values that mean nothing, chosen anew each time (RFC 8701).
const fn is_grease(number: usize) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

fn number(number: usize) -> String {
    if is_grease(number) { "grease".to_owned() } else { format!("{number:04x}") }
}

fn numbers(list: &[u8]) -> String {
    let all = list.as_chunks().0.iter().map(|pair| number(usize::from(u16::from_be_bytes(*pair))));
    all.collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JA4 of a hello that was described (FoxIO, technical details of JA4): what censors are known to sort TLS by.
///
/// # Errors
/// It lacks what every hello has.
pub fn ja4(lines: &[String]) -> Result<String> {
    let of = |start: &str| lines.iter().find_map(|line| line.strip_prefix(start));
    let list = |text: Option<&str>| {
        let words = text.unwrap_or_default().split(' ').filter(|word| !word.is_empty() && *word != "grease");
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut suites = list(of("suites "));
    let kinds: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("extension ")?.get(..4)).collect();
    let kinds: Vec<_> = kinds.into_iter().filter(|kind| *kind != "grea").map(str::to_owned).collect();
    let versions = list(of("extension 002b supported_versions: "));
    let version = match versions.iter().max().map(String::as_str) {
        Some("0304") => "13",
        Some("0303") => "12",
        other => bail!("version {other:?}"),
    };
    let alpn = of("extension 0010 alpn: ").context("no ALPN")?;
    let alpn: Vec<u8> =
        (0..alpn.len()).step_by(2).filter_map(|at| u8::from_str_radix(alpn.get(at..at + 2)?, 16).ok()).collect();
    let first = alpn.get(3..3 + usize::from(*alpn.get(2).context("no ALPN")?)).context("no ALPN")?;
    let ends = [first.first(), first.last()].map(|byte| byte.map_or('0', |byte| char::from(*byte)));
    let name = if kinds.iter().any(|kind| kind == "0000") { 'd' } else { 'i' };
    let head = format!("t{version}{name}{:02}{:02}{}{}", suites.len(), kinds.len(), ends[0], ends[1]);
    suites.sort();
    let mut sorted: Vec<_> = kinds.into_iter().filter(|kind| kind != "0000" && kind != "0010").collect();
    sorted.sort();
    let signatures = list(of("extension 000d signature_algorithms: ")).join(",");
    Ok(format!("{head}_{}_{}", short(&suites.join(",")), short(&format!("{}_{signatures}", sorted.join(",")))))
}

fn short(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex(Sha256::digest(text.as_bytes()).get(..6).unwrap_or_default())
}
