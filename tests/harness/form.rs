//! A form as programs upload files by it (RFC 7578), taken apart.
//!
//! It knows what curl, wrangler and our program write, and is no general parser.

use anyhow::{Context, Result, ensure};

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its type, if it tells.
    pub kind: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The parts of a body with this `Content-Type`.
///
/// # Errors
/// It is no form.
pub fn parts(kind: &str, body: &[u8]) -> Result<Vec<Part>> {
    let boundary = kind.split_once("boundary=").context("no boundary")?.1;
    let delimiter = format!("\r\n--{boundary}");
    // The first has no line before it.
    let body = [b"\r\n", body].concat();
    let mut found = positions(&body, delimiter.as_bytes());
    ensure!(found.len() > 1, "no parts");
    let end = found.pop().context("no end")?;
    ensure!(body.get(end + delimiter.len()..).is_some_and(|rest| rest.starts_with(b"--")), "it has no end");
    found.push(end);
    found.windows(2).map(|pair| part(body.get(pair[0] + delimiter.len() + 2..pair[1]).unwrap_or_default())).collect()
}

fn part(bytes: &[u8]) -> Result<Part> {
    let head = *positions(bytes, b"\r\n\r\n").first().context("a part without an empty line")?;
    let (head, body) = (&bytes[..head], &bytes[head + 4..]);
    let head = String::from_utf8(head.to_vec())?;
    let name = head.split_once("; name=\"").and_then(|(_, rest)| rest.split('"').next()).context("no name")?;
    let kind = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap_or_default();
    Ok(Part { name: name.to_owned(), kind: kind.to_owned(), bytes: body.to_vec() })
}

fn positions(bytes: &[u8], of: &[u8]) -> Vec<usize> {
    bytes.windows(of.len()).enumerate().filter(|(_, window)| *window == of).map(|(index, _)| index).collect()
}
