//! The first bytes of a stream, and the frames of one that is WhatsApp's.

use pasarela::fuzzing;
use pasarela_core::{limits, proxy::Decoded, sniff::Sniff};
use rustls::server::Acceptor;

use crate::pieces;

/// The longest PROXY header, in bytes: version 2 with a block as long as any that is read.
const PROXY_MAX: usize = 16 + 1024;

/// What they are does not depend on how they come, and is what others read in them.
pub(crate) fn sniff(bytes: &[u8]) -> bool {
    let whole = pasarela_core::sniff::sniff(bytes);
    let (mut need, mut grown) = (1, Sniff::Incomplete { need: 1 });
    while let (Sniff::Incomplete { .. }, Some(prefix)) = (&grown, bytes.get(..need)) {
        grown = pasarela_core::sniff::sniff(prefix);
        if let Sniff::Incomplete { need: more } = grown {
            assert!(
                more > need && more <= limits::CLIENT_HELLO.max(PROXY_MAX),
                "{need} bytes are too few, {more} are not"
            );
            need = more;
        }
    }
    match (&grown, &whole) {
        (Sniff::Incomplete { .. }, Sniff::Incomplete { .. }) => {}
        _ => assert_eq!(grown, whole),
    }
    match whole {
        Sniff::Tls { name } => {
            assert!(name.as_ref().is_none_or(|name| !name.is_empty() && name.is_ascii()));
            if let Some(theirs) = rustls_reads(bytes) {
                assert_eq!(name, theirs, "rustls reads another name");
            }
            true
        }
        Sniff::Proxy(header) => proxy(bytes, header),
        Sniff::WhatsApp { .. } => true,
        Sniff::Incomplete { .. } | Sniff::Unknown => false,
    }
}

/// The name that rustls finds in a hello, without its dot; nothing if the hello is none for rustls, which is stricter.
fn rustls_reads(mut bytes: &[u8]) -> Option<Option<String>> {
    let mut acceptor = Acceptor::default();
    acceptor.read_tls(&mut bytes).ok()?;
    let accepted = acceptor.accept().ok()??;
    let name = accepted.client_hello().server_name().map(|name| name.to_ascii_lowercase());
    Some(name.map(|name| name.strip_suffix('.').unwrap_or(&name).to_owned()))
}

fn proxy(bytes: &[u8], header: Decoded) -> bool {
    let Decoded::Header { len, source } = header else { panic!("{header:?} is no header") };
    assert!(len <= bytes.len() && len <= PROXY_MAX);
    if let Ok((theirs, its_len)) = proxy_header::ProxyHeader::parse(bytes, proxy_header::ParseConfig::default()) {
        assert_eq!(len, its_len);
        if let (Some(ours), Some(theirs)) = (source, theirs.proxied_address()) {
            assert_eq!(ours, theirs.source);
        }
    }
    true
}

/// No byte is lost, doubled or moved, and frames are the same however the stream is cut.
pub(crate) fn frames(input: &[u8]) -> bool {
    let pieces = pieces::cut(input);
    let stream = pieces.concat();
    let (messages, clean) = fuzzing::frames(&pieces);
    let joined = messages.concat();
    assert!(stream.starts_with(&joined));
    assert_eq!(clean, joined.len() == stream.len(), "{} of {} bytes", joined.len(), stream.len());
    assert!(stream.len() - joined.len() < limits::FRAME + 3);
    let (whole, _) = fuzzing::frames(&[&stream]);
    assert_eq!(joined, whole.concat());
    // Until the stream is found to have no frames, or too long ones.
    let is_frame = |message: &&Vec<u8>| match ***message {
        [b'G', b'O', b'A', ..] => false,
        [a, b, c, ref body @ ..] => usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c) == body.len(),
        _ => false,
    };
    assert!(messages.iter().take_while(is_frame).eq(whole.iter().take_while(is_frame)));
    clean
}
