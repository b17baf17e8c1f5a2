//! The server's certificate: read from files, checked before it is used, read anew without a restart.
//!
//! It fetches none; programs like certbot do, and write the files.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    CertificateError as Invalid, RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer, UnixTime,
        pem::{self, PemObject},
    },
    server::{ClientHello, ParsedCertificate, ResolvesServerCert, ServerConfig},
    sign::CertifiedKey,
};

use crate::tls;

/// What a server of WebSockets offers, and nothing else.
const ALPN: &[u8] = b"http/1.1";

/// Where the certificate is, both files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The server's certificate first, then those between it and a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate in use.
#[derive(Clone, Debug)]
pub struct Certificate {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
}

/// Why files give no certificate to be used.
#[derive(Debug)]
pub enum CertificateError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// There is no certificate in the file, or what is there is none.
    NoCertificate(PathBuf),
    /// The certificate in the file is of a form that no client takes: X.509 version 1, most likely.
    Form(PathBuf),
    /// There is no private key in the file, or what is there is none.
    NoKey(PathBuf),
    /// The key is another certificate's.
    Mismatch(Files),
    /// The time for which it was issued is over.
    Expired(PathBuf),
    /// The time for which it was issued has not come.
    NotYetValid(PathBuf),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file, error) => write!(f, "{}: {error}", file.display()),
            Self::NoCertificate(file) => write!(f, "{} holds no certificate in PEM", file.display()),
            Self::Form(file) => write!(
                f,
                "the certificate in {} is of a form that no client takes, most likely version 1 of X.509; \
                 openssl req -x509 -addext basicConstraints=critical,CA:FALSE makes one of version 3",
                file.display()
            ),
            Self::NoKey(file) => write!(f, "{} holds no private key in PEM", file.display()),
            Self::Mismatch(Files { certificate, key }) => {
                write!(f, "the key in {} is not that of the certificate in {}", key.display(), certificate.display())
            }
            Self::Expired(file) => write!(f, "the certificate in {} has expired", file.display()),
            Self::NotYetValid(file) => write!(f, "the certificate in {} is not valid yet", file.display()),
        }
    }
}

impl std::error::Error for CertificateError {}

/// What connections made from now on are shown.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Nothing under the lock leaves it half done.
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Certificate {
    /// Reads and checks the files.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn load(files: Files) -> Result<Self, CertificateError> {
        let provider = tls::provider();
        let current = RwLock::new(Arc::new(read(&files, &provider)?));
        Ok(Self { files, provider, current: Arc::new(Current(current)) })
    }

    /// Reads and checks them anew. What is open goes on.
    ///
    /// # Errors
    ///
    /// What is wrong with them; then the certificate of before stays in use.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let fresh = Arc::new(read(&self.files, &self.provider)?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// TLS with whatever certificate is in use, for [`Options::tls`](super::Options::tls).
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        let mut config = tls::server().with_cert_resolver(self.current.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        Arc::new(config)
    }
}

fn read(files: &Files, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let no_certificate = || CertificateError::NoCertificate(files.certificate.clone());
    let pem = text(&files.certificate)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|_| no_certificate())?;
    let first = chain.first().ok_or_else(no_certificate)?;
    in_time(first, provider, &files.certificate)?;
    let no_key = |_| CertificateError::NoKey(files.key.clone());
    let key = PrivateKeyDer::from_pem_slice(&text(&files.key)?).map_err(no_key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            CertificateError::Mismatch(files.clone())
        } else {
            CertificateError::NoKey(files.key.clone())
        }
    })
}

fn text(file: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(file).map_err(|error| CertificateError::Unreadable(file.to_path_buf(), error))
}

/// Whether it may be shown now.
fn in_time(certificate: &CertificateDer<'_>, provider: &CryptoProvider, file: &Path) -> Result<(), CertificateError> {
    let parsed = ParsedCertificate::try_from(certificate);
    let parsed = parsed.map_err(|_| CertificateError::Form(file.to_path_buf()))?;
    // Nobody is trusted here, so it fails in any case; that the time is wrong is found first.
    let algorithms = provider.signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], UnixTime::now(), algorithms) {
        Err(rustls::Error::InvalidCertificate(Invalid::Expired | Invalid::ExpiredContext { .. })) => {
            Err(CertificateError::Expired(file.to_path_buf()))
        }
        Err(rustls::Error::InvalidCertificate(Invalid::NotValidYet | Invalid::NotValidYetContext { .. })) => {
            Err(CertificateError::NotYetValid(file.to_path_buf()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(folder: &Path, name: &str, years: (i32, i32)) -> Files {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["relay.example".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let certificate = params.self_signed(&key).expect("signed");
        let file = |end: &str, text: String| {
            let path = folder.join(format!("{name}.{end}"));
            std::fs::write(&path, text).expect("written");
            path
        };
        Files { certificate: file("crt", certificate.pem()), key: file("key", key.serialize_pem()) }
    }

    fn fault(files: Files) -> String {
        Certificate::load(files).map(drop).expect_err("not usable").to_string()
    }

    #[test]
    fn each_fault_of_the_files_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let good = made(folder.path(), "good", (2020, 4000));
        let other = made(folder.path(), "other", (2020, 4000));
        assert!(Certificate::load(good.clone()).is_ok());
        let missing = Files { key: folder.path().join("missing.key"), ..good.clone() };
        assert!(fault(missing).contains("missing.key: No such file"));
        let swapped = Files { certificate: good.key.clone(), key: good.certificate.clone() };
        assert!(fault(swapped).ends_with("good.key holds no certificate in PEM"));
        let keyless = Files { key: good.certificate.clone(), ..good.clone() };
        assert!(fault(keyless).ends_with("good.crt holds no private key in PEM"));
        assert!(fault(Files { key: other.key, ..good }).contains("other.key is not that of the certificate in"));
        assert!(fault(made(folder.path(), "old", (2001, 2002))).ends_with("old.crt has expired"));
        assert!(fault(made(folder.path(), "new", (3000, 4000))).ends_with("new.crt is not valid yet"));
    }

    #[test]
    fn a_renewed_certificate_is_taken_and_a_bad_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = Certificate::load(made(folder.path(), "relay", (2020, 4000))).expect("usable");
        let shown = || certificate.current.0.read().expect("whole").cert.clone();
        let first = shown();
        made(folder.path(), "relay", (2001, 2002));
        assert!(certificate.reload().is_err() && shown() == first);
        made(folder.path(), "relay", (2020, 4000));
        assert!(certificate.reload().is_ok() && shown() != first);
    }
}
