//! The certificate with which chat's TLS ends here. WhatsApp's app accepts any, and checks the server inside by Noise.
//!
//! It is made anew at every start, with a random name, and not kept: nothing for a scanner to know again, no file to lose.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rand::RngExt;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};

use crate::tls;

/// Begun some time ago, in days: clocks of phones are often wrong.
const AGE: std::ops::Range<u64> = 20..60;

/// For so many days, as common authorities give.
const LIFE: u64 = 90;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A new certificate and the TLS that shows it.
pub(super) fn server_config() -> io::Result<Arc<ServerConfig>> {
    let mut random = rand::rng();
    let name: String = (0..random.random_range(8..14)).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect();
    let begun = SystemTime::now() - DAY * u32::try_from(random.random_range(AGE)).unwrap_or(0);
    let name = format!("{name}.net");
    let mut params = CertificateParams::new([name.clone()]).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = begun.into();
    params.not_after = (begun + DAY * u32::try_from(LIFE).unwrap_or(0)).into();
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let config = tls::server()
        .with_single_cert(vec![certificate.into()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}
