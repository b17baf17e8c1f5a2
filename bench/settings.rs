//! The file that nginx is told by.
//!
//! HAProxy's and those of tunnels' two ends, which others use as well, are in the harness's `haproxy` and `peers`.

use std::{net::SocketAddr, path::Path};

use pasarela_e2e::identity::Identity;

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
