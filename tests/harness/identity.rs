//! A certificate and its key as files, for programs that are told where theirs are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

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
