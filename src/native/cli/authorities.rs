//! The certificate authorities that commands are given.

use std::{fs, path::Path};

use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    Cause, Failure,
    texts::{program as texts, unusable},
};
use crate::tls::Authorities;

/// The certificate authorities in a PEM file.
pub(super) fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let failure = |cause: Cause| Failure::told(texts::no_authorities(file), cause, texts::AUTHORITIES);
    let text = fs::read(file).map_err(|cause| failure(cause.into()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(failure(texts::HOLDS_NONE.into())),
        Ok(found) => match Authorities::with(&found) {
            Ok(_) => Ok(found),
            Err(cause) => Err(failure(unusable::authority(cause).into())),
        },
        Err(cause) => Err(failure(cause.into())),
    }
}
