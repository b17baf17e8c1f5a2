//! Who the simulator is: its Noise keys and chain, and its TLS authority and certificate.
//!
//! Made once at the start. With a seed the Noise side is the same every time; TLS keys and all that
//! depends on the clock are not.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use pasarela_noise::{chain::Plan, public_key};
use rand::{
    Rng, SeedableRng,
    rngs::{StdRng, SysRng},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Names of the TLS host: the hosts that clients dial, and `localhost` for tools.
const TLS_NAMES: [&str; 12] = [
    "mmg.whatsapp.net",
    "whatsapp.net",
    "*.whatsapp.net",
    "*.cdn.whatsapp.net",
    "*.fna.whatsapp.net",
    "*.fbcdn.net",
    "whatsapp.com",
    "web.whatsapp.com",
    "graph.whatsapp.com",
    "static.whatsapp.com",
    "*.whatsapp.com",
    "localhost",
];

const DAY: u64 = 86_400;

/// The Noise side.
pub(super) struct NoiseIdentity {
    pub(super) root_key: [u8; 32],
    pub(super) static_secret: [u8; 32],
    pub(super) chain: Vec<u8>,
    random: Mutex<StdRng>,
}

impl NoiseIdentity {
    pub(super) fn new(seed: Option<u64>) -> io::Result<Self> {
        let mut random = match seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::try_from_rng(&mut SysRng).map_err(io::Error::other)?,
        };
        let [root, intermediate, static_secret] = [(); 3].map(|()| bytes(&mut random));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_err(io::Error::other)?.as_secs();
        let plan = Plan {
            root_secret: &root,
            intermediate_secret: &intermediate,
            leaf_secret: &static_secret,
            serials: [3, 355],
            // As long as WhatsApp's leaves, begun yesterday for clients whose clock is behind.
            validity: [now - DAY, now + 120 * DAY],
            random: &[bytes(&mut random), bytes(&mut random)],
        };
        Ok(Self { root_key: public_key(&root), static_secret, chain: plan.build(), random: Mutex::new(random) })
    }

    /// Fresh random bytes for one handshake or stanza.
    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        bytes(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn bytes<const N: usize>(random: &mut StdRng) -> [u8; N] {
    let mut out = [0; N];
    random.fill_bytes(&mut out);
    out
}

/// The TLS side.
pub(super) struct TlsIdentity {
    pub(super) ca_pem: String,
    pub(super) ca_der: Vec<u8>,
    pub(super) config: Arc<rustls::ServerConfig>,
}

impl TlsIdentity {
    pub(super) fn new() -> io::Result<Self> {
        let (ca, certificate, key) = issue().map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { ca_pem: ca.pem(), ca_der: ca.der().to_vec(), config: Arc::new(config) })
    }
}

type Issued = (rcgen::Certificate, CertificateDer<'static>, PrivateKeyDer<'static>);

fn issue() -> Result<Issued, rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let name = &mut authority.distinguished_name;
    name.push(DnType::CommonName, "Pasarela simulator, not for trust");
    let authority_key = KeyPair::generate()?;
    let ca = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut host = CertificateParams::new(TLS_NAMES.map(str::to_owned))?;
    host.use_authority_key_identifier_extension = true;
    let host_key = KeyPair::generate()?;
    let certificate = host.signed_by(&host_key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(host_key.serialize_der().into());
    Ok((ca, certificate.der().clone(), key))
}
