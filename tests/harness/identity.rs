//! Certificates: with their keys as files, for programs that are told where theirs are, or for servers in this process.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};

/// A certificate, its key, and the authority behind it.
#[derive(Debug)]
pub struct Identity {
    /// The chain, whose end is an authority to be trusted.
    pub chain: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Identity {
    /// Makes one for these names and addresses.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn make(folder: &Path, names: &[&str]) -> Result<Self> {
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // By default all have the same name, and a certificate would seem to have signed itself.
        authority.distinguished_name.push(DnType::CommonName, "the authority of tests");
        let own_key = KeyPair::generate()?;
        let own = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
        let root = authority.clone().self_signed(&authority_key)?;
        let own = own.signed_by(&own_key, &Issuer::new(authority, authority_key))?;
        fs::write(&chain, own.pem() + &root.pem())?;
        fs::write(&key, own_key.serialize_pem())?;
        Ok(Self { chain, key })
    }
}

/// What a server of these names or addresses in this process needs, and the authority to be trusted for it.
///
/// # Errors
/// One of them can be in no certificate.
pub fn certified(names: &[&str]) -> Result<(ServerConfig, CertificateDer<'static>)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key)?.der().clone();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?
        .signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok((config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?, authority))
}
