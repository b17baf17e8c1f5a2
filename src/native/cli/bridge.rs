//! `pasarela bridge`: reads the links, binds the ports, starts [`crate::bridge`], and shows how it stands.

mod screen;

use std::{
    future::pending,
    io::ErrorKind,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;

use super::{
    Failure, look,
    picture::{PICTURE, Picture},
    ports, signal,
    texts::{bridge as texts, language::In, unusable},
    values,
    way::Way,
};
use crate::{
    bridge::{Bridge, Listener, Relay, Tuning},
    connect::{Connector, Notes, Setup, UnusableNotes, is_here},
    frontend::{Admission, Door, Enclosure, Intake, lan_addresses},
    link::{Link, several},
};
use screen::{Reach, Report, Screen};

const EXAMPLES: &str = r##"Examples:
  pasarela bridge "https://relay.example/#KEY"
      Prints a code for your phone to scan. Quotes keep the shell away from the #.
  pasarela bridge "https://one.example/#KEY1" "https://two.example/#KEY2"
      Two relays: when one does not work, the other does.
  pasarela bridge "https://relay.example/#KEY&addr=104.16.0.1&sni=none"
      The same relay, at an address of your choice, without naming it.
  pasarela bridge --picture relay.png
      The link is in the code in this picture, which somebody sent you.
  pasarela bridge --socks5
      The link is in the variable PASARELA_LINKS and does not show in the list of processes; programs with
      SOCKS5 can use it, too.

A link is what somebody who runs a relay gives you. Keep it to yourself and those you trust.
Ends on Ctrl-C, or when the system asks it to."##;

/// Between two looks at the networks that this computer is in.
const LOOK_AT_NETWORKS: Duration = Duration::from_secs(3);

// Its help text is the command's, in `super::Command`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The links of one relay or several, in the order in which to try them
    #[arg(value_name = "LINK", env = "PASARELA_LINKS", value_delimiter = ' ', hide_env_values = true,
          required = PICTURE.is_empty(), required_unless_present_any = PICTURE)]
    links: Vec<String>,

    #[command(flatten)]
    picture: Picture,

    /// Where to listen for the phone [default: port 5222 or the next free one, on all addresses]
    #[arg(long, value_name = "ADDRESS:PORT", env = "PASARELA_LISTEN", value_delimiter = ',',
          value_parser = values::everywhere)]
    listen: Vec<SocketAddr>,

    /// Also listen on the official proxy's ports: 443, 80, 5222, 587, 7777, and 8080, 8443, 8222 with PROXY headers.
    /// Most of them need the administrator's rights
    #[arg(long, env = "PASARELA_OFFICIAL")]
    official: bool,

    /// Take connections from anywhere, not only from this computer and its local network
    #[arg(long, env = "PASARELA_PUBLIC")]
    public: bool,

    /// Also take connections from this network, for example 100.64.0.0/10; may be repeated
    #[arg(long, value_name = "NETWORK", env = "PASARELA_ALLOW", value_delimiter = ',', value_parser = values::network)]
    allow: Vec<IpNet>,

    /// Trust PROXY headers from these addresses, for example 10.0.0.0/8
    #[arg(long, value_name = "NETWORK", env = "PASARELA_TRUST_PROXY", value_delimiter = ',',
          value_parser = values::network)]
    trust_proxy: Vec<IpNet>,

    /// Also offer a SOCKS5 proxy, to WhatsApp's hosts only, for programs on this computer
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "PASARELA_SOCKS5",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "yes",
        value_parser = values::socks
    )]
    socks5: Option<SocketAddr>,

    /// The name or address by which the phone reaches this computer [default: its address in the local network]
    #[arg(long, value_name = "HOST", env = "PASARELA_HOST", value_parser = values::host)]
    host: Option<String>,

    /// Use each connection for at most this many bytes, for networks that freeze connections
    #[arg(long, value_name = "BYTES", env = "PASARELA_BUDGET", value_parser = values::size)]
    budget: Option<u64>,

    /// Keep in this file which way round a censor worked, for the next start. Without the link it tells nobody an address or a
    /// name; delete it when no bridge uses it
    #[arg(long, value_name = "FILE", env = "PASARELA_REMEMBER")]
    remember: Option<PathBuf>,

    /// Print lines of JSON for programs: first where it listens, then how it stands whenever that changes
    #[arg(long)]
    json: bool,

    /// End when standard input is closed: so the bridge does not outlive a program that started it, however that one ends
    #[arg(long)]
    end_with_stdin: bool,

    #[command(flatten)]
    way: Way,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let relays = relays(&args)?;
    ports::raise_open_files();
    let from_outside = args.listen.is_empty() || args.official || !args.listen.iter().all(|it| it.ip().is_loopback());
    if cfg!(windows) && from_outside && !args.json {
        eprint!("{}", texts::FIREWALL);
    }
    let (listeners, moved) = listeners(&args)?;
    let admission = Admission { public: args.public, allowed: args.allow.clone(), trusted: args.trust_proxy.clone() };
    let intake = Intake::new(admission).map_err(failed(texts::NO_CERTIFICATE))?;
    let tuning = Tuning { budget: args.budget, ..Tuning::default() };
    let bridge = Bridge::start(listeners, intake, relays, tuning).map_err(failed(texts::NOT_STARTED))?;

    let (end, input_closed) = (signal::end()?, signal::input_closed(args.end_with_stdin)?);
    let port = bridge.addresses().first().map_or(ports::USUAL, SocketAddr::port);
    let socks = args.socks5.and_then(|_| bridge.addresses().last().copied());
    let mut reach = reach(&args, &bridge);
    let screen = if args.json {
        Screen::Json
    } else if look::is_screen() {
        Screen::Terminal
    } else {
        Screen::Lines
    };
    tokio::pin!(end, input_closed);
    loop {
        let (public, only_here) = (args.public, !args.listen.is_empty());
        screen.begin(&bridge, &Report { reach: reach.clone(), port, moved, socks, public, only_here });
        tokio::select! {
            () = &mut end => break,
            () = &mut input_closed => break,
            never = screen.follow(&bridge) => match never {},
            // The computer has come into another network, and the code that was shown leads nowhere.
            changed = changed(&args, &bridge, &reach) => reach = changed,
        }
        screen.end().await;
    }
    screen.end().await;
    bridge.shutdown().await;
    Ok(())
}

fn failed(what: In) -> impl Fn(std::io::Error) -> Failure {
    move |cause| Failure::met(what, cause, texts::TELL_US)
}

/// How a phone reaches this machine, as far as can be seen now.
fn reach(args: &Args, bridge: &Bridge) -> Reach {
    if let Some(host) = &args.host {
        return Reach { host: Some(host.clone()), ..Reach::default() };
    }
    let asked = bridge.addresses().first().map(|address| address.ip().to_canonical());
    match asked.filter(|address| !address.is_unspecified()) {
        Some(address) if address.is_loopback() => Reach::default(),
        Some(address) => Reach { host: Some(address.to_string()), ..Reach::default() },
        None => {
            let mut others = lan_addresses();
            let within = Enclosure::find(&others);
            let host = (!others.is_empty()).then(|| others.remove(0).to_string());
            Reach { host, others, within }
        }
    }
}

/// Completes when a phone reaches this machine in another way than this, with that way.
async fn changed(args: &Args, bridge: &Bridge, was: &Reach) -> Reach {
    if args.host.is_some() || bridge.addresses().first().is_some_and(|address| !address.ip().is_unspecified()) {
        // It is as it was said, and no machine need wake up to see that.
        return pending().await;
    }
    loop {
        tokio::time::sleep(LOOK_AT_NETWORKS).await;
        let now = reach(args, bridge);
        if now != *was {
            return now;
        }
    }
}

fn relays(args: &Args) -> Result<Vec<Relay>, Failure> {
    let (resolver, extra_roots) = args.way.read()?;
    let notes = args.remember.as_deref().map(notes).transpose()?;
    let setup = Setup { extra_roots, notes, ..Setup::new(resolver) };
    let mut relays = Vec::new();
    let mut links = several(&args.links);
    links.extend(args.picture.link()?.map(|link| link.to_string()));
    for (index, text) in links.iter().enumerate() {
        let number = index + 1;
        let failure = |cause: String| Failure::told(texts::no_link(number), cause, texts::COPY_LINK);
        let link = text.parse::<Link>().map_err(|error| failure(unusable::link(error)))?;
        if !link.secure && !args.json && !is_here(&link.host) {
            eprint!("{}", texts::plain(number));
        }
        if link.vouched().is_some() && !args.json {
            eprint!("{}", texts::vouched(number));
        }
        let setup = Setup { exit: args.way.exit(&link)?, ..setup.clone() };
        if setup.exit.is_some() && !args.json {
            eprint!("{}", texts::exit(number));
        }
        let connector = Connector::new(&link, &setup).map_err(|error| failure(unusable::setup(error)))?;
        relays.push(Relay::new(&link, Arc::new(connector)));
    }
    if relays.is_empty() {
        return Err(Failure::told(texts::NO_LINKS, texts::EMPTY, texts::GIVE_LINK));
    }
    Ok(relays)
}

fn notes(file: &Path) -> Result<Arc<Notes>, Failure> {
    Notes::open(file).map_err(|cause| {
        let kind = match &cause {
            UnusableNotes::Io(error) => error.kind(),
            UnusableNotes::Foreign => ErrorKind::InvalidData,
        };
        Failure::file(texts::no_notes(file), kind, unusable::notes(&cause), texts::ANOTHER_FILE)
    })
}

/// All listeners, those for phones that were asked for first, then SOCKS5; and the port that was wanted if it is another.
fn listeners(args: &Args) -> Result<(Vec<Listener>, Option<u16>), Failure> {
    let mut listeners = Vec::new();
    let mut moved = None;
    for address in &args.listen {
        listeners.push(Listener::Phone(ports::at(*address)?, Door::ANY));
    }
    if args.official {
        let opened = ports::official()?;
        listeners.extend(opened.into_iter().map(|(listener, door)| Listener::Phone(listener, door)));
    }
    if listeners.is_empty() {
        let listener = ports::usual()?;
        moved = listener.local_addr().is_ok_and(|address| address.port() != ports::USUAL).then_some(ports::USUAL);
        listeners.push(Listener::Phone(listener, Door::ANY));
    }
    if let Some(address) = args.socks5 {
        listeners.push(Listener::Socks(ports::at(address)?));
    }
    Ok((listeners, moved))
}
