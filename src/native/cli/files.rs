//! Files that several commands are given.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Failure;

/// The certificate authorities in a PEM file.
pub(super) fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let failure = |cause: Box<dyn std::error::Error + Send + Sync>| Failure {
        what: format!("cannot read the certificate authorities in {}", file.display()),
        cause,
        hint: "a file with one or several blocks of -----BEGIN CERTIFICATE-----",
    };
    let text = fs::read(file).map_err(|cause| failure(cause.into()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(failure("it holds none".into())),
        Ok(found) => Ok(found),
        Err(cause) => Err(failure(cause.into())),
    }
}
