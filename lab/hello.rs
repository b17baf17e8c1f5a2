//! Reads a TLS `ClientHello`, as far as it is there.
//!
//! It puts no segments together: the flow does that and gives the bytes. What is cut off or wrong ends the reading and is no
//! error: a censor takes what it finds.

/// The record type of handshake messages.
const HANDSHAKE: u8 = 22;
/// The record type of application data.
const APPLICATION_DATA: u8 = 23;
/// The handshake message type of a hello.
const CLIENT_HELLO: u8 = 1;
/// Extension with the server's name.
const SERVER_NAME: u16 = 0;
/// Extension of Encrypted Client Hello.
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// Extension of ALPS, which only Chromium sends: old number and new.
const APPLICATION_SETTINGS: [u16; 2] = [17_513, 17_613];
/// Sizes of an encrypted TLS 1.3 Finished, with SHA-256 and with SHA-384, in bytes.
const FINISHED: [usize; 2] = [53, 69];

/// How much a censor puts together before it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Nothing: each segment stands alone.
    Segment,
    /// The TCP stream, and of it the first TLS record.
    Stream,
    /// The TCP stream, and the handshake message over its TLS records.
    Records,
}

/// What is known of a hello.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The server's name, in lower case. `None` if there is none, or it is not there as a whole.
    pub name: Option<String>,
    /// It has the extension of Encrypted Client Hello, real or GREASE.
    pub ech: bool,
    /// It looks like Chromium's: GREASE among the cipher suites, and ALPS.
    pub chrome: bool,
    /// TLS records that it takes, or has begun to.
    pub records: usize,
    /// TCP segments that it came in. The flow knows; here it is 1.
    pub segments: usize,
    /// It is there to its last byte.
    pub complete: bool,
    /// Bytes of the stream that it takes, record headers with it; as far as it is there.
    pub length: usize,
}

/// A TLS record, as far as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its content type.
    pub kind: u8,
    /// Its content, which may be cut off.
    pub body: &'a [u8],
    /// Bytes of content that the header promises.
    pub length: usize,
}

impl Record<'_> {
    /// All of it is there.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.body.len() == self.length
    }

    /// It carries something that the client wants of the server: application data that is no TLS 1.3 Finished.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.kind == APPLICATION_DATA && !FINISHED.contains(&self.length)
    }
}

/// The TLS records at the beginning of a stream. Ends at what is no TLS, and behind a record that is cut off.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: Reader<'a>,
}

/// Reads a stream from its beginning as TLS records.
#[must_use]
pub const fn records(stream: &[u8]) -> Records<'_> {
    Records { rest: Reader(stream) }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.rest.byte().filter(|kind| (20..=24).contains(kind))?;
        let _major = self.rest.byte().filter(|major| *major == 3)?;
        let _minor = self.rest.byte()?;
        let length = usize::from(self.rest.short()?);
        Some(Record { kind, body: self.rest.at_most(length), length })
    }
}

/// Reads the hello with which a stream begins, or a segment. `None` if it begins with something else, or with too little to tell.
#[must_use]
pub fn read(stream: &[u8], depth: Depth) -> Option<Hello> {
    let most = match depth {
        Depth::Segment | Depth::Stream => 1,
        Depth::Records => usize::MAX,
    };
    let mut message = Vec::new();
    let mut hello = Hello { segments: 1, ..Hello::default() };
    for record in records(stream).take(most).take_while(|record| record.kind == HANDSHAKE) {
        message.extend_from_slice(record.body);
        hello.records += 1;
        hello.length += 5 + record.body.len();
        hello.complete = promised(&message).is_some_and(|length| length <= message.len());
        if hello.complete {
            break;
        }
    }
    if message.first() != Some(&CLIENT_HELLO) {
        return None;
    }
    let end = promised(&message).unwrap_or(message.len()).min(message.len());
    let _read_to_the_end = read_body(Reader(message.get(4..end).unwrap_or_default()), &mut hello);
    Some(hello)
}

/// Bytes that a handshake message takes, its header with it.
fn promised(message: &[u8]) -> Option<usize> {
    let [_, high, middle, low, ..] = message else { return None };
    Some(4 + (usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low)))
}

/// Reads from the version on. `None` where it is cut off; what was read until then stands.
fn read_body(mut body: Reader<'_>, hello: &mut Hello) -> Option<()> {
    body.take(2 + 32)?;
    let session = body.byte()?;
    body.take(usize::from(session))?;
    let suites = usize::from(body.short()?);
    let suites = body.take(suites)?;
    let has_grease = suites.chunks_exact(2).any(|suite| suite[0] == suite[1] && suite[0] & 0x0f == 0x0a);
    let compressions = body.byte()?;
    body.take(usize::from(compressions))?;
    let extensions = usize::from(body.short()?);
    let mut extensions = Reader(body.at_most(extensions));
    while let Some(kind) = extensions.short() {
        hello.ech |= kind == ENCRYPTED_CLIENT_HELLO;
        hello.chrome |= has_grease && APPLICATION_SETTINGS.contains(&kind);
        let length = usize::from(extensions.short()?);
        let value = extensions.take(length)?;
        if kind == SERVER_NAME && hello.name.is_none() {
            hello.name = server_name(Reader(value));
        }
    }
    Some(())
}

fn server_name(mut value: Reader<'_>) -> Option<String> {
    value.short()?;
    value.byte().filter(|kind| *kind == 0)?;
    let length = usize::from(value.short()?);
    let name = std::str::from_utf8(value.take(length)?).ok()?;
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn at_most(&mut self, bytes: usize) -> &'a [u8] {
        self.take(bytes.min(self.0.len())).unwrap_or_default()
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn short(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests;
