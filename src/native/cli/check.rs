//! `pasarela check`: shows [`crate::check`] at work, as lines for people or one object for programs.
//!
//! What the lines say is `texts`'.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use serde_json::json;

use super::{
    Failure, picture, signal,
    texts::{
        check as texts, detour, meaning, survey as survey_texts,
        trouble::{advice, sentence},
        unusable,
    },
    usage,
    way::Way,
};
use crate::{
    check::{self, Event, Fault, Found, Options, Subject, Surveyed, Unusable, Verdict, What},
    connect::Met,
    link::{Link, Vouched, unhex},
    share::Proxy,
    trouble::{Hint, Stage, Trouble},
};

const EXAMPLES: &str = r##"Examples:
  pasarela check "https://relay.example/#KEY"
      Goes the whole way through the relay, down to WhatsApp's own keys.
  pasarela check --via 192.168.1.7:5222
      The same for a running bridge, or any official proxy.
  pasarela check --via "https://wa.me/proxy?host=proxy.example&chatPort=443&mediaPort=587&chatTLS=true"
      An official proxy as its link says.
  pasarela check --survey "https://relay.example/#KEY"
      Which ways to the relay are open in this network. Takes up to a minute.
  pasarela check --json LINK
      One line of JSON: stages [{stage, ok, ms, detail}], verdict, hint.

Exit codes:
   0  all well
   1  it could not be checked, or Ctrl-C
   2  told wrongly: an option, a variable, the link or a file cannot be used
  10  name      the name has no address, or cannot be looked up
  11  connect   nobody answers at the address
  12  tls       no encrypted connection, or another's certificate
  13  upgrade   no relay answers
  14  key       the relay does not know the key
  15  upstream  the relay does not reach WhatsApp
  16  chat      what answers does not prove to be WhatsApp
  17  media     WhatsApp's server for photos and files does not answer"##;

// Its help text is the command's, in `super::Command`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The relay's link, https://HOST/#KEY
    #[arg(env = "PASARELA_CHECK_LINK", hide_env_values = true, required_unless_present = "via",
          required_unless_present_any = picture::PICTURE, conflicts_with_all = picture::PICTURE)]
    link: Option<String>,

    #[command(flatten)]
    picture: picture::Picture,

    /// A bridge or an official proxy instead of a relay: HOST, HOST:PORT or the link that WhatsApp gives to it (wa.me/proxy)
    #[arg(long, value_name = "HOST", env = "PASARELA_CHECK_VIA", conflicts_with = "link",
          conflicts_with_all = picture::PICTURE)]
    via: Option<String>,

    /// The proxy's port for chat [default: as --via says, else 443]
    #[arg(long, value_name = "PORT", env = "PASARELA_CHECK_CHAT_PORT",
          value_parser = clap::value_parser!(u16).range(1..))]
    chat_port: Option<u16>,

    /// The proxy's port for media [default: 587 if chat is on 443; else the chat port, then 587]
    #[arg(long, value_name = "PORT", env = "PASARELA_CHECK_MEDIA_PORT",
          value_parser = clap::value_parser!(u16).range(1..))]
    media_port: Option<u16>,

    /// Whether the proxy's chat is wrapped in TLS [default: on port 443 alone]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          env = "PASARELA_CHECK_TLS", value_parser = clap::builder::BoolishValueParser::new())]
    tls: Option<bool>,

    /// Seconds that each stage may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10, env = "PASARELA_CHECK_TIMEOUT",
          value_parser = clap::value_parser!(u16).range(1..=600))]
    timeout: u16,

    /// Try every way to the relay, one by one, and say which are open here
    #[arg(long, env = "PASARELA_CHECK_SURVEY", conflicts_with = "via")]
    survey: bool,

    #[command(flatten)]
    way: Way,

    /// Take this key for WhatsApp's root key; for tests against the simulator [default: as the link says (&root=…), else WhatsApp's]
    #[arg(long, value_name = "HEX", env = "PASARELA_CHECK_ROOT")]
    root: Option<String>,

    /// Print one line of JSON
    #[arg(long, env = "PASARELA_CHECK_JSON")]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let pictured = args.picture.link()?.map(|link| Subject::Relay(Box::new(link)));
    let subject = match pictured.map_or_else(|| subject(&args), Ok) {
        Ok(subject) => subject,
        Err(wrong) => return Ok(usage(&wrong)),
    };
    let (resolver, authorities) = args.way.read()?;
    let limit = Duration::from_secs(args.timeout.into());
    let exit = match &subject {
        Subject::Relay(link) => args.way.exit(link)?,
        Subject::Proxy(_) => None,
    };
    let mut options = Options { resolver, authorities, limit, exit, ..Options::default() };
    if let Some(root) = &args.root {
        match unhex(root) {
            Some(root) => options.root = root,
            None => return Ok(usage(&texts::NO_ROOT.text())),
        }
    }
    let links_root = links_root(&args, &subject);
    if let Some(root) = links_root {
        options.root = root;
        eprintln!("{}", texts::OTHER_ROOT);
    }
    let vouched = match &subject {
        Subject::Relay(link) => link.vouched().map(|vouched| (&link.host, vouched)),
        Subject::Proxy(_) => None,
    };
    if let Some((host, vouched)) = vouched {
        eprintln!("{}", texts::vouched(host, vouched));
    }
    if let (true, Subject::Relay(link)) = (args.survey, &subject) {
        return survey(link, &options, args.json).await;
    }
    let screen = Screen::new(!args.json);
    let mut observe = |event| screen.on(event);
    let end = signal::end()?;
    let checked = tokio::select! {
        checked = check::run(&subject, &options, &mut observe) => checked,
        () = end => {
            screen.clear();
            eprintln!("{}", texts::STOPPED);
            return Ok(ExitCode::FAILURE);
        }
        never = screen.tick() => match never {},
    };
    let verdict = match checked {
        Ok(verdict) => verdict,
        Err(unusable) => return Ok(refuse(unusable)),
    };
    if args.json {
        println!("{}", object(&verdict, links_root.is_some(), vouched.map(|(_, vouched)| vouched)));
    } else {
        print!("{}", conclusion(&verdict, links_root.is_some()));
    }
    Ok(code(&verdict))
}

/// Checks the relay of a link for a command that ends so. It shows the same as this one if there are to be lines, and gives the
/// same for programs.
#[cfg(feature = "deploy")]
pub(super) async fn of_link(
    link: &Link,
    options: Options,
    lines: bool,
) -> Result<(ExitCode, serde_json::Value), ExitCode> {
    let options = Options { root: link.root.unwrap_or(options.root), ..options };
    let subject = Subject::Relay(Box::new(link.clone()));
    let screen = Screen::new(lines);
    let mut observe = |event| screen.on(event);
    let checked = tokio::select! {
        checked = check::run(&subject, &options, &mut observe) => checked,
        never = screen.tick() => match never {},
    };
    let verdict = checked.map_err(refuse)?;
    if lines {
        print!("{}", conclusion(&verdict, link.root.is_some()));
    }
    Ok((code(&verdict), object(&verdict, link.root.is_some(), None)))
}

/// Why it cannot begin.
fn refuse(unusable: Unusable) -> ExitCode {
    match unusable {
        Unusable::Authority => usage(&texts::NO_CERTIFICATE.text()),
        Unusable::Link(error) => usage(&format!("{}: {}", texts::NO_LINK, unusable::setup(error))),
        Unusable::Way(trouble) => {
            let said = sentence(trouble, What::Relay, "");
            eprint!("{}", meaning::advised(&said, advice(trouble.hint())));
            exit_code(trouble.stage())
        }
    }
}

/// Tries all ways, and says of each whether it is open.
async fn survey(link: &Link, options: &Options, json: bool) -> Result<ExitCode, Failure> {
    let mut observe = |done: &Surveyed| {
        if !json {
            println!("{}", survey_texts::line(done));
        }
    };
    let end = signal::end()?;
    let surveyed = tokio::select! {
        surveyed = check::survey(link, options, &mut observe) => surveyed,
        () = end => {
            eprintln!("{}", texts::STOPPED);
            return Ok(ExitCode::FAILURE);
        }
    };
    let surveyed = match surveyed {
        Ok(surveyed) => surveyed,
        Err(unusable) => return Ok(refuse(unusable)),
    };
    let open = surveyed.iter().filter(|done| done.result.is_ok()).count();
    if json {
        let ways = surveyed.iter().map(|done| {
            json!({
                "way": done.candidate.detour().map_or_else(|| "plain".to_owned(), |detour| detour.to_string()),
                "address": done.candidate.address,
                "ok": done.result.is_ok(),
                "ms": u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX),
                "detail": done.result.map_or_else(|trouble| trouble.token().into_owned(), |()| "well".to_owned()),
            })
        });
        println!("{}", json!({ "ways": ways.collect::<Vec<_>>() }));
    } else {
        print!("{}", survey_texts::conclusion(open, surveyed.len()));
    }
    let first = surveyed.first().and_then(|done| done.result.err());
    Ok(if open > 0 { ExitCode::SUCCESS } else { exit_code(first.map_or(Stage::Connect, Trouble::stage)) })
}

/// The root key that the link names, if it is to be believed. Whoever gave the link chose it, so it is told wherever it counts.
fn links_root(args: &Args, subject: &Subject) -> Option<[u8; 32]> {
    match subject {
        Subject::Relay(link) if args.root.is_none() => link.root,
        Subject::Relay(_) | Subject::Proxy(_) => None,
    }
}

fn subject(args: &Args) -> Result<Subject, String> {
    if let Some(via) = &args.via {
        let proxy = via.parse::<Proxy>().map_err(|error| format!("{}: {}", texts::NO_PROXY, unusable::proxy(error)))?;
        return Ok(Subject::Proxy(Proxy {
            chat_port: args.chat_port.unwrap_or(proxy.chat_port),
            media_port: args.media_port.or(proxy.media_port),
            chat_tls: args.tls.or(proxy.chat_tls),
            ..proxy
        }));
    }
    let link: Result<Link, _> = args.link.as_deref().unwrap_or_default().parse();
    link.map(|link| Subject::Relay(Box::new(link)))
        .map_err(|error| format!("{}: {}", texts::NO_LINK, unusable::link(error)))
}

/// Shows each stage when it is over, and while one takes long, that something is still done.
struct Screen {
    lines: bool,
    terminal: bool,
    now: Mutex<Option<(Stage, Instant)>>,
}

/// Whoever waits longer wants to know for what.
const LONG: Duration = Duration::from_secs(1);

impl Screen {
    fn new(lines: bool) -> Self {
        Self { lines, terminal: io::stderr().is_terminal(), now: Mutex::new(None) }
    }

    fn on(&self, event: Event) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Begins(stage) => *now = Some((stage, Instant::now())),
            Event::Ended(done) => {
                // The connector tells of its stages together, behind the first one's beginning.
                *now = now.map(|(_, begun)| (done.stage, begun)).filter(|(stage, _)| *stage < done.stage);
                self.clear();
                if self.lines {
                    println!("{}", texts::line(done.stage, done.result.ok(), done.took));
                }
            }
        }
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }

    async fn tick(&self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval(LONG / 2);
        loop {
            ticks.tick().await;
            let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((stage, begun)) = now.filter(|(_, begun)| self.terminal && begun.elapsed() > LONG) {
                self.clear();
                eprint!("{}", texts::doing(stage, begun.elapsed().as_secs()));
            }
        }
    }
}

/// What it all means, for people.
fn conclusion(verdict: &Verdict, other_root: bool) -> String {
    let mut out = String::from("\n");
    if let Some(detour) = verdict.detour {
        out += &meaning::other_way(&detour::words(detour));
        out.push('\n');
    }
    let said = match (verdict.failure(), verdict.hint()) {
        (Some((_, fault)), Some(hint)) => {
            let today = meaning::date(SystemTime::now());
            let means = match (verdict.slow(), &verdict.elsewhere) {
                (Some(took), _) => meaning::slow(took),
                (None, Some(host)) => meaning::elsewhere(verdict.what, host),
                (None, None) => meaning::fault(verdict.what, fault, verdict.clock, &today),
            };
            meaning::advised(&means, advice(hint))
        }
        _ => match verdict.what {
            What::Relay if other_root => format!("{}\n", meaning::WELL_OTHER_ROOT),
            What::Relay => format!("{}\n", meaning::WELL_RELAY),
            What::Proxy => format!("{}\n", meaning::WELL_PROXY),
        },
    };
    out + &said
}

/// The same for programs.
fn object(verdict: &Verdict, other_root: bool, vouched: Option<Vouched<'_>>) -> serde_json::Value {
    let stages = verdict.stages.iter().map(|done| {
        json!({
            "stage": done.stage.token(),
            "ok": done.result.is_ok(),
            "ms": u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX),
            "detail": done.result.map_or_else(Fault::token, Found::token),
        })
    });
    let mut object = json!({
        "stages": stages.collect::<Vec<_>>(),
        "verdict": verdict.failure().map_or("ok", |(stage, _)| stage.token()),
        "hint": verdict.hint().map(Hint::token),
    });
    if let Some(host) = &verdict.elsewhere {
        object["elsewhere"] = json!(host);
    }
    if let Some(vouched) = vouched {
        object["verified"] = json!(match vouched {
            Vouched::Name(name) => name,
            Vouched::Pin => "pin",
        });
    }
    if let Some(detour) = verdict.detour {
        object["way"] = json!(detour.to_string());
        object["network"] = json!(detour.met.map(Met::token));
    }
    if other_root {
        object["root"] = json!("link");
    }
    object
}

fn code(verdict: &Verdict) -> ExitCode {
    verdict.failure().map_or(ExitCode::SUCCESS, |(stage, _)| exit_code(stage))
}

pub(super) fn exit_code(stage: Stage) -> ExitCode {
    ExitCode::from(match stage {
        Stage::Name => 10,
        Stage::Connect => 11,
        Stage::Tls => 12,
        Stage::Upgrade => 13,
        Stage::Key => 14,
        Stage::Upstream => 15,
        Stage::Chat => 16,
        Stage::Media => 17,
    })
}
