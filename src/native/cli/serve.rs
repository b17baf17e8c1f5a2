//! `pasarela serve`: makes a relay of flags, environment and files, says where it listens, and drains it at the end.
//!
//! What it does is [`crate::serve`]'s; what the operator's variables mean is the core's.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use pasarela_core::config::{Access, Config, Site as Shown, WebUpstream};
use serde_json::json;

use super::{
    Failure, authorities, files, ports, signal,
    texts::{program, serve as texts},
    values,
};
use crate::{
    frontend::{Admission, Door, Intake},
    serve::{Certificate, Files, Options, Relay, Room, Site},
};

const EXAMPLES: &str = r##"Examples:
  pasarela serve --relay-keys-file keys
      On 127.0.0.1:8787, plain HTTP, for behind a web server that has the certificate:
      nginx, Caddy and the like must pass WebSockets on. Let them vouch for their clients
      with --trust-proxy 127.0.0.1/32. The file holds me=KEY, as RELAY_KEYS in the environment may.
  pasarela serve --relay-keys-file keys --listen "[::]:443" --cert fullchain.pem --key privkey.pem
      By itself, on IPv4 and IPv6. Certbot keeps both files in /etc/letsencrypt/live/HOST. The
      certificate is read again every hour and, but on Windows, on SIGHUP.
  pasarela serve --relay-keys-file keys --site-dir /var/www/bicycles …
      Visitors without a key see your own site and no sign of a relay.

A key has 16 to 128 characters of A-Z a-z 0-9 - _ . ~; `pasarela keys new me --file keys` makes
one and puts it there, `openssl rand -hex 16` makes one alone.
Its user's address is then https://HOST/KEY/.
Ends on Ctrl-C, or when the system asks it to, within a few seconds; on a second one at once."##;

const LISTEN: u16 = 8787;

/// Certificates are looked at again after this long: those of today last weeks, and are renewed days before their end.
const RELOAD: Duration = Duration::from_secs(3600);

// Its help text is the command's, in `super::Command`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to listen [default: port 8787; with a certificate on all addresses, else on this machine only]
    #[arg(long, value_name = "ADDR", env = "PASARELA_LISTEN", value_parser = values::everywhere)]
    listen: Option<SocketAddr>,

    /// The certificate chain in PEM, the server's own first; without it plain HTTP
    #[arg(long, value_name = "FILE", env = "PASARELA_CERT", requires = "key")]
    cert: Option<PathBuf>,

    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", env = "PASARELA_KEY", requires = "cert")]
    key: Option<PathBuf>,

    /// The relay's keys: a file with what RELAY_KEYS would hold, name=key pairs separated by spaces or lines
    #[arg(long, value_name = "FILE", env = "PASARELA_RELAY_KEYS_FILE")]
    relay_keys_file: Option<PathBuf>,

    /// No key is needed: anyone may use the relay (OPEN=1)
    #[arg(long)]
    open: bool,

    /// Your own site, shown to visitors without a key: a folder of files, read at the start
    #[arg(long, value_name = "DIR", env = "PASARELA_SITE_DIR")]
    site_dir: Option<PathBuf>,

    /// Where to serve metrics for Prometheus, at /metrics; keep it private
    #[arg(long, value_name = "ADDR", env = "PASARELA_METRICS", value_parser = values::here)]
    metrics: Option<SocketAddr>,

    /// Also a port for WhatsApp on phones, for chat and media together; may be repeated.
    /// It needs no key: anyone may use it, to reach WhatsApp and nothing else
    #[arg(long, value_name = "ADDR", env = "PASARELA_PHONES", value_delimiter = ',',
          value_parser = values::everywhere)]
    phones: Vec<SocketAddr>,

    /// Also the official proxy's ports for phones: 443, 80, 5222, 587, 7777, and 8080, 8443, 8222 with PROXY headers from
    /// --trust-proxy. HTTPS then needs another port or address
    #[arg(long, env = "PASARELA_OFFICIAL")]
    official: bool,

    /// The memory that it may use, such as 256M or 2G; how many streams and connections there may be follows from it
    #[arg(long, value_name = "SIZE", env = "PASARELA_MEMORY", default_value = "512M", value_parser = memory)]
    memory: usize,

    /// Streams at once, if fewer than the memory allows; each takes two open files
    #[arg(long, value_name = "N", env = "PASARELA_MAX_CONNECTIONS", value_parser = values::some)]
    max_connections: Option<usize>,

    /// Streams that one address, or one IPv6 /64, may ask for in a minute; one key ten times as many; 0: any number
    #[arg(long, value_name = "N", env = "PASARELA_RATE", default_value_t = Options::default().rate)]
    rate: u32,

    /// A web server or proxy in front, or a network of them, whose X-Forwarded-For and PROXY headers are believed; may be
    /// repeated. All traffic from any other proxy counts as one address
    #[arg(long, value_name = "CIDR", env = "PASARELA_TRUST_PROXY", value_delimiter = ',',
          value_parser = values::network)]
    trust_proxy: Vec<IpNet>,

    /// Certificate authorities in PEM for --upstream-web, besides the usual ones
    #[arg(long, value_name = "FILE", env = "PASARELA_CA")]
    ca: Option<PathBuf>,

    #[command(flatten)]
    variables: Variables,

    /// Print one line of JSON at the start: http, tls, metrics, phones
    #[arg(long)]
    json: bool,
}

/// The operator's variables that are no secrets, under the names that they have on the edge.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The operator's variables, as for the Worker")]
struct Variables {
    /// How library clients are carried: wss or tcp [default: wss]
    #[arg(long, value_name = "MODE", env = "WEB_UPSTREAM", hide_env_values = true)]
    web_upstream: Option<String>,

    /// Where chat goes: host:port pairs, in order [default: WhatsApp's]
    #[arg(long, value_name = "LIST", env = "UPSTREAM_CHAT", hide_env_values = true)]
    upstream_chat: Option<String>,

    /// Where library clients go: URLs, in order [default: WhatsApp's]
    #[arg(long, value_name = "LIST", env = "UPSTREAM_WEB", hide_env_values = true)]
    upstream_web: Option<String>,

    /// One host:port that takes all TLS [default: the name asked for]
    #[arg(long, value_name = "HOST:PORT", env = "UPSTREAM_TLS", hide_env_values = true)]
    upstream_tls: Option<String>,

    /// Tell the chat upstream the user's address: off, v1 or v2 [default: off]
    #[arg(long, value_name = "VERSION", env = "PROXY_HEADER", hide_env_values = true)]
    proxy_header: Option<String>,

    /// What visitors without a key see: none, own, or guide, which tells everyone what this is
    /// [default: own with --site-dir, else none; the guide while there is no key to keep]
    #[arg(long, value_name = "WHICH", env = "SITE", hide_env_values = true)]
    site: Option<String>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let config = config(&args)?;
    let certificate = certificate(&args)?;
    let files = ports::raise_open_files();
    let options = options(&args, certificate.as_ref(), files)?;
    let wanted = args.listen.unwrap_or_else(|| default_address(certificate.is_some()));
    warn(&args, &config, wanted.ip(), files);
    let listener = ports::at(wanted)?;
    let metrics = args.metrics.map(ports::at).transpose()?;
    let metrics_address = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
    let relay = Relay::start_with(listener, config, options)
        .map_err(|cause| Failure::met(program::no_port(wanted), cause, texts::ANOTHER_ADDRESS))?;
    if let Some(metrics) = metrics {
        relay.serve_metrics(metrics);
    }
    let phones = serve_phones(&args, &relay)?;
    let end = signal::end()?;
    // Where there is no certificate nothing is read again, and being asked to must not end it.
    let _asked = signal::Reload::new();
    say(&args, relay.address(), metrics_address, &phones);
    tokio::select! {
        () = end => {}
        () = keep_fresh(certificate) => {}
    }
    tracing::debug!("draining");
    let again = signal::end()?;
    tokio::select! {
        () = relay.shutdown() => {}
        () = again => {}
    }
    Ok(())
}

/// Opens the ports for phones; gives where they are.
fn serve_phones(args: &Args, relay: &Relay) -> Result<Vec<SocketAddr>, Failure> {
    let mut opened = Vec::new();
    for address in &args.phones {
        opened.push((ports::at(*address)?, Door::ANY));
    }
    if args.official {
        opened.extend(ports::official()?);
    }
    if opened.is_empty() {
        return Ok(Vec::new());
    }
    let admission = Admission { public: true, trusted: args.trust_proxy.clone(), ..Admission::default() };
    let intake = Intake::new(admission)
        .map_err(|cause| Failure::met(texts::NO_CERTIFICATE_FOR_PHONES, cause, texts::TELL_US))?;
    let mut addresses = Vec::new();
    for (listener, door) in opened {
        addresses.extend(listener.local_addr());
        relay.serve_raw(listener, door, intake.clone());
    }
    Ok(addresses)
}

fn say(args: &Args, address: SocketAddr, metrics: Option<SocketAddr>, phones: &[SocketAddr]) {
    let tls = args.cert.is_some();
    if args.json {
        println!("{}", json!({ "http": address, "tls": tls, "metrics": metrics, "phones": phones }));
        return;
    }
    let relay = format!("{}://{address}", if tls { "https" } else { "http" });
    print!("{}", texts::listening(&relay, metrics, phones));
}

/// What is no error, and most likely not meant.
fn warn(args: &Args, config: &Config, listens_on: IpAddr, files: Option<u64>) {
    let warn = |text: Cow<'_, str>| eprintln!("{}", texts::warning(&text));
    let phones = args.official || !args.phones.is_empty();
    if matches!(config.access, Access::Closed) && !phones {
        warn(texts::CLOSED.text());
    }
    if args.cert.is_none() && !listens_on.is_loopback() {
        warn(texts::PLAIN.text());
    }
    if config.web == WebUpstream::Wss && config.proxy_header.is_some() {
        warn(texts::NO_EFFECT.text());
    }
    let room = room(args);
    if let Some(wanted) = args.max_connections.filter(|wanted| *wanted > room.streams) {
        warn(texts::too_many(wanted, room.streams).into());
    }
    if let Some(files) = files.filter(|files| *files / 2 < room.streams as u64) {
        warn(texts::few_files(files, files / 2).into());
    }
    if cfg!(target_os = "linux") && !Path::new("/etc/resolv.conf").exists() {
        warn(texts::NO_RESOLVER.text());
    }
    match (config.site, &args.site_dir) {
        (Shown::Own, None) => warn(texts::NO_SITE_DIR.text()),
        (Shown::Guide | Shown::Nothing, Some(_)) => warn(texts::UNUSED_SITE_DIR.text()),
        (Shown::Guide, None) if matches!(config.access, Access::Keys(_)) => {
            warn(texts::GUIDE.text());
        }
        (Shown::Own, Some(_)) | (Shown::Guide | Shown::Nothing, None) => {}
    }
}

/// The keys in this file. Whoever names one does not mean a relay without, which shows everybody what it is.
fn keys(file: &Path) -> Result<String, Failure> {
    let keys = without_comments(&files::text(file).map_err(|cause| unreadable(file, cause))?);
    if keys.trim().is_empty() {
        return Err(Failure::told(texts::no_keys(file), texts::NO_KEY_IN_IT, texts::NEW_KEY));
    }
    Ok(keys)
}

fn config(args: &Args) -> Result<Config, Failure> {
    let keys = match &args.relay_keys_file {
        Some(file) => Some(keys(file)?),
        None => std::env::var("RELAY_KEYS").ok(),
    };
    let Variables { web_upstream, upstream_chat, upstream_web, upstream_tls, proxy_header, site } = &args.variables;
    let own = args.site_dir.as_ref().map(|_| "own".to_owned());
    let found = |name: &str| match name {
        "RELAY_KEYS" => keys.clone(),
        "OPEN" if args.open => Some("1".to_owned()),
        "OPEN" => std::env::var("OPEN").ok(),
        "WEB_UPSTREAM" => web_upstream.clone(),
        "UPSTREAM_CHAT" => upstream_chat.clone(),
        "UPSTREAM_WEB" => upstream_web.clone(),
        "UPSTREAM_TLS" => upstream_tls.clone(),
        "PROXY_HEADER" => proxy_header.clone(),
        "SITE" => site.clone().or_else(|| own.clone()),
        _ => None,
    };
    Config::from_vars(found).map_err(|cause| Failure::told(texts::NO_START, cause, texts::AS_HELP_SAYS))
}

fn options(args: &Args, certificate: Option<&Certificate>, files: Option<u64>) -> Result<Options, Failure> {
    // Most of the open files are for those who have a key.
    let strangers = files.and_then(|files| usize::try_from(files / 4).ok()).unwrap_or(usize::MAX);
    let room = room(args);
    let site = args.site_dir.as_deref().map(|folder| {
        Site::read(folder)
            .map(Arc::new)
            .map_err(|cause| Failure::told(texts::NO_SITE, texts::site(&cause), texts::ANOTHER_SITE))
    });
    let site = site.transpose()?;
    if let Some(left_out @ 1..) = site.as_ref().map(|site| site.left_out()) {
        eprintln!("{}", texts::warning(&texts::left_out(left_out)));
    }
    Ok(Options {
        tls: certificate.map(Certificate::server_config),
        room: Room { strangers: room.strangers.min(strangers), ..room },
        rate: args.rate,
        site,
        trusted: args.trust_proxy.clone(),
        upstream_ca: args.ca.as_deref().map(authorities::read).transpose()?.unwrap_or_default(),
    })
}

fn room(args: &Args) -> Room {
    let room = Room::within(args.memory);
    Room { streams: args.max_connections.map_or(room.streams, |most| most.min(room.streams)), ..room }
}

/// A size that suffices.
fn memory(said: &str) -> Result<usize, String> {
    let size = usize::try_from(values::size(said)?).unwrap_or(usize::MAX);
    if size < Room::LEAST { Err("less than 64M, which is too little".to_owned()) } else { Ok(size) }
}

fn certificate(args: &Args) -> Result<Option<Certificate>, Failure> {
    let (Some(certificate), Some(key)) = (&args.cert, &args.key) else { return Ok(None) };
    let files = Files { certificate: certificate.clone(), key: key.clone() };
    let loaded = Certificate::load(files);
    loaded
        .map(Some)
        .map_err(|cause| Failure::told(texts::NO_CERTIFICATE, texts::certificate(&cause), texts::CERTIFICATE_FILES))
}

/// Takes renewed certificates into use; never ends.
async fn keep_fresh(certificate: Option<Certificate>) {
    let Some(certificate) = certificate else { return std::future::pending().await };
    let mut asked = signal::Reload::new();
    loop {
        tokio::select! {
            () = asked.next() => {}
            () = tokio::time::sleep(RELOAD) => {}
        }
        match certificate.reload() {
            Ok(()) => tracing::debug!("the certificate was read anew"),
            Err(error) => tracing::warn!(%error, "the certificate of before stays in use"),
        }
    }
}

fn default_address(tls: bool) -> SocketAddr {
    if tls { (Ipv6Addr::UNSPECIFIED, LISTEN).into() } else { ([127, 0, 0, 1], LISTEN).into() }
}

/// The keys of a file, without lines that begin with a number sign.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n")
}

fn unreadable(file: &Path, cause: std::io::Error) -> Failure {
    Failure::file(texts::unreadable(file), cause.kind(), cause, texts::READABLE_FILE)
}
