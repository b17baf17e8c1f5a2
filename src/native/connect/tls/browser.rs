//! The hello of Chromium's own WebSockets, said by the TLS stack that Chromium has: some networks let no other through.
//!
//! Which certificate is taken is decided by the same judge as everywhere; BoringSSL checks signatures by itself, as rustls does.
//! No session is resumed: each hello is a first one. What still differs from Chromium's is listed in `tests/hellos.rs`.

use std::{
    fmt,
    io::{self, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use boring::{
    error::ErrorStack,
    ssl::{
        CertificateCompressionAlgorithm, CertificateCompressor, ErrorCode, Ssl, SslAlert, SslContext,
        SslContextBuilder, SslMethod, SslMode, SslRef, SslSessionCacheMode, SslSignatureAlgorithm as Signature,
        SslVerifyError, SslVerifyMode, SslVersion,
    },
};
use brotli_decompressor::Decompressor;
use rustls::{
    CertificateError, Error,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter};
use tokio_boring::{SslStream, SslStreamBuilder};

use super::{HandshakeError, Identity, OfRelay, Secured};
use crate::{
    connect::report::{EchStatus, Shown, Version},
    tls::{Authorities, Judge, Presented},
    trouble::Trouble,
};

/// Chromium's suites for TLS 1.2, in its order; those for 1.3 are the stack's own.
const SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                      ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
                      ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA";

/// Its groups, for which it shows keys of the first two.
const GROUPS: &str = "X25519MLKEM768:X25519:P-256:P-384";

/// The signatures that it takes.
const SIGNATURES: [Signature; 11] = [
    Signature::ML_DSA_44,
    Signature::ML_DSA_65,
    Signature::ML_DSA_87,
    Signature::ECDSA_SECP256R1_SHA256,
    Signature::RSA_PSS_RSAE_SHA256,
    Signature::RSA_PKCS1_SHA256,
    Signature::ECDSA_SECP384R1_SHA384,
    Signature::RSA_PSS_RSAE_SHA384,
    Signature::RSA_PKCS1_SHA384,
    Signature::RSA_PSS_RSAE_SHA512,
    Signature::RSA_PKCS1_SHA512,
];

/// What fits into one record, in bytes (RFC 8446, section 5.1).
const RECORD: usize = 16 << 10;

/// Of unpacking, in bytes.
const BUFFER: usize = 4096;

/// The largest chain of certificates that is unpacked, in bytes: as much as the stack takes unpacked.
const CHAIN: u64 = 256 << 10;

/// Ready for handshakes with one server, as a browser.
pub(in super::super) struct Browser {
    context: SslContext,
    sni: Option<String>,
    judge: Arc<OfRelay>,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").finish_non_exhaustive()
    }
}

impl Browser {
    /// Nothing if the stack cannot be set up so.
    pub(in super::super) fn new(identity: &Identity, authorities: &Authorities) -> Option<Self> {
        let offered = identity.sni.clone().unwrap_or_else(|| identity.verified.clone());
        let judge = OfRelay {
            authorities: authorities.clone(),
            offered,
            verified: identity.verified.clone(),
            pin: identity.pin,
            encrypted: false,
        };
        let sni = match &identity.sni {
            Some(ServerName::DnsName(name)) => Some(name.as_ref().to_owned()),
            Some(_) | None => None,
        };
        Some(Self { context: context(identity.alpn).ok()?, sni, judge: Arc::new(judge) })
    }

    /// The handshake, over a stream that is connected.
    pub(in super::super) async fn handshake<S>(
        &self,
        stream: S,
    ) -> Result<(BufWriter<SslStream<S>>, Secured), HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let judged = Arc::new(Mutex::new(None));
        let other = |_: ErrorStack| HandshakeError::Trouble(Trouble::TlsOther);
        let ssl = self.ssl(Arc::clone(&judged)).map_err(other)?;
        let stream = SslStreamBuilder::new(ssl, stream).connect().await.map_err(|error| {
            let judged = judged.lock().unwrap_or_else(PoisonError::into_inner).take();
            judged.map_or_else(|| meaning(&error), |error: Error| HandshakeError::of_tls(&error))
        })?;
        let version = if stream.ssl().version2() == Some(SslVersion::TLS1_2) { Version::Tls12 } else { Version::Tls13 };
        let shown = if self.sni.is_some() { Shown::Name } else { Shown::Nothing };
        // A message's head and body in one record, as in Chromium's.
        let stream = BufWriter::with_capacity(RECORD, stream);
        Ok((stream, Secured { shown, ech: EchStatus::Grease, version }))
    }

    /// What the judge says of the certificate is kept there.
    fn ssl(&self, judged: Arc<Mutex<Option<Error>>>) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        if let Some(name) = &self.sni {
            ssl.set_hostname(name)?;
        }
        ssl.set_enable_ech_grease(true);
        let judge = Arc::clone(&self.judge);
        ssl.set_custom_verify_callback(SslVerifyMode::PEER, move |ssl| {
            verdict(&judge, ssl).map_err(|error| {
                *judged.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                SslVerifyError::Invalid(SslAlert::BAD_CERTIFICATE)
            })
        });
        Ok(ssl)
    }
}

fn context(alpn: &[&[u8]]) -> Result<SslContext, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls())?;
    // What could not be written is tried again from wherever it lies then.
    context.set_mode(SslMode::ACCEPT_MOVING_WRITE_BUFFER | SslMode::ENABLE_PARTIAL_WRITE | SslMode::AUTO_RETRY);
    context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    context.set_cipher_list(SUITES)?;
    context.set_curves_list(GROUPS)?;
    context.set_verify_algorithm_prefs(&SIGNATURES)?;
    context.set_grease_enabled(true);
    context.set_permute_extensions(true);
    context.enable_ocsp_stapling();
    context.enable_signed_cert_timestamps();
    context.add_certificate_compression_algorithm(Brotli)?;
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    let protocols: Vec<u8> = alpn.iter().flat_map(|name| [&[name.len() as u8][..], name].concat()).collect();
    context.set_alpn_protos(&protocols)?;
    announce_trust_anchors(&mut context)?;
    Ok(context.build())
}

/// The extension alone. Chromium lists some; a list would let servers choose chains that only Chromium can verify.
#[expect(unsafe_code, reason = "the crate has no function for it")]
fn announce_trust_anchors(context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
    // SAFETY: the context is alive and nobody else's; no byte is read from a list of no length.
    let done = unsafe { boring_sys::SSL_CTX_set1_requested_trust_anchors(context.as_ptr(), std::ptr::null(), 0) };
    if done == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

fn verdict(judge: &OfRelay, ssl: &SslRef) -> Result<(), Error> {
    let chain = ssl.peer_cert_chain().into_iter().flatten();
    let chain: Result<Vec<_>, _> = chain.map(|certificate| certificate.to_der().map(CertificateDer::from)).collect();
    let chain = chain.map_err(|_| CertificateError::BadEncoding)?;
    let (certificate, intermediates) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    judge.judge(&Presented {
        certificate,
        intermediates,
        name: &judge.verified,
        ocsp: ssl.ocsp_status().unwrap_or_default(),
        now: UnixTime::now(),
    })
}

fn meaning<S>(error: &tokio_boring::HandshakeError<S>) -> HandshakeError {
    if let Some(error) = error.as_io_error() {
        return HandshakeError::of(&io::Error::from(error.kind()));
    }
    HandshakeError::Trouble(match error.code() {
        // The stack's words for an alert of the other side.
        Some(ErrorCode::SSL) if error.to_string().contains("_ALERT_") => Trouble::TlsRefused,
        Some(ErrorCode::SSL) => Trouble::TlsOther,
        // It ended where an answer was due.
        Some(_) | None => Trouble::TlsReset,
    })
}

/// Unpacks certificates, as Chromium says that it can.
struct Brotli;

impl CertificateCompressor for Brotli {
    const ALGORITHM: CertificateCompressionAlgorithm = CertificateCompressionAlgorithm::BROTLI;
    const CAN_COMPRESS: bool = false;
    const CAN_DECOMPRESS: bool = true;

    fn decompress<W: Write>(&self, input: &[u8], output: &mut W) -> io::Result<()> {
        let mut unpacked = Decompressor::new(input, BUFFER).take(CHAIN);
        io::copy(&mut unpacked, output).map(drop)
    }
}
