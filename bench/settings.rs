//! The files that peers are told by, and the certificate that all who speak TLS show.
//!
//! HAProxy's, which tests use as well, is in the harness's `haproxy`.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

/// Any: both ends of one way know it.
const USER: &str = "9d0e4c8a-1f7b-4b52-8c39-6f1f0a2b7c11";

/// A certificate for this machine and its key, as files.
pub(super) struct Identity {
    /// The chain, whose end is an authority to be trusted.
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
}

impl Identity {
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // By default all have the same name, and a certificate would seem to have signed itself.
        authority.distinguished_name.push(DnType::CommonName, "benchmark");
        let own_key = KeyPair::generate()?;
        let own = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned))?;
        let root = authority.clone().self_signed(&authority_key)?;
        let own = own.signed_by(&own_key, &Issuer::new(authority, authority_key))?;
        fs::write(&chain, own.pem() + &root.pem())?;
        fs::write(&key, own_key.serialize_pem())?;
        Ok(Self { chain, key })
    }
}

/// nginx in one process, with the official proxy's times.
pub(super) fn nginx(
    module: &Path,
    folder: &Path,
    phones: SocketAddr,
    upstream: SocketAddr,
    identity: Option<&Identity>,
) -> String {
    let (module, folder) = (module.display(), folder.display());
    let (ssl, certificate) = identity.map_or_else(Default::default, |Identity { chain, key }| {
        let (chain, key) = (chain.display(), key.display());
        (
            " ssl",
            format!("ssl_certificate {chain};\n    ssl_certificate_key {key};\n    ssl_protocols TLSv1.2 TLSv1.3;"),
        )
    });
    format!(
        "load_module {module};
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
stream {{
  server {{
    listen {phones}{ssl};
    {certificate}
    proxy_pass {upstream};
    proxy_connect_timeout 5s;
    proxy_timeout 200s;
    tcp_nodelay on;
  }}
}}
"
    )
}

/// Xray that takes VLESS in a WebSocket and goes wherever it is asked.
pub(super) fn xray_server(relay: SocketAddr, identity: Option<&Identity>) -> Value {
    let tls = identity
        .map(|Identity { chain, key }| json!({ "certificates": [{ "certificateFile": chain, "keyFile": key }] }));
    json!({
        "log": { "loglevel": "none" },
        "inbounds": [{
            "listen": relay.ip(),
            "port": relay.port(),
            "protocol": "vless",
            "settings": { "clients": [{ "id": USER }], "decryption": "none" },
            "streamSettings": web_socket(tls),
        }],
        "outbounds": [{ "protocol": "freedom" }],
    })
}

/// Xray that takes phones' connections to the simulator.
pub(super) fn xray_client(
    phones: SocketAddr,
    relay: SocketAddr,
    upstream: SocketAddr,
    identity: Option<&Identity>,
) -> Value {
    let tls = identity.map(|Identity { chain, .. }| {
        let authority = json!({ "usage": "verify", "certificateFile": chain });
        json!({ "serverName": "localhost", "disableSystemRoot": true, "certificates": [authority] })
    });
    let relay = json!({
        "address": relay.ip(),
        "port": relay.port(),
        "users": [{ "id": USER, "encryption": "none" }],
    });
    json!({
        "log": { "loglevel": "none" },
        "inbounds": [{
            "listen": phones.ip(),
            "port": phones.port(),
            "protocol": "dokodemo-door",
            "settings": { "address": upstream.ip(), "port": upstream.port(), "network": "tcp" },
        }],
        "outbounds": [{
            "protocol": "vless",
            "settings": { "vnext": [relay] },
            "streamSettings": web_socket(tls),
        }],
    })
}

fn web_socket(tls: Option<Value>) -> Value {
    let security = if tls.is_some() { "tls" } else { "none" };
    json!({ "network": "ws", "wsSettings": { "path": "/ws" }, "security": security, "tlsSettings": tls })
}
