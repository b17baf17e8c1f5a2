//! The command line: global options, logging, the exit code.
//!
//! Each command has its file below; what a command does is a library's part.

mod files;
mod file;
mod texts;
mod picture;
mod asked;

mod values;
mod authorities;
mod look;
mod ports;
mod signal;
mod way;

mod bridge;
mod serve;
mod check;
mod share;

#[cfg(feature = "deploy")]
mod cloud;
#[cfg(feature = "deploy")]
mod deploy;
#[cfg(feature = "deploy")]
mod keys;

use std::{borrow::Cow, error::Error, ffi::OsString, fmt, io, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::{
    filter::{EnvFilter, filter_fn},
    layer::{Layer as _, SubscriberExt as _},
};

use crate::{panics, say};
use texts::language::Language;

const AFTER_HELP: &str = "\
Exit codes:
  0  done, or ended by Ctrl-C or the system
  1  failed; standard error says what, where, and what to try
  2  told wrongly: an option, a variable, a link or a file cannot be used. Starting it again does not help
  `check` has more, see `pasarela check --help`

Logging goes to standard error; RUST_LOG=pasarela=debug says more than --verbose can.
No log line holds an address of a peer, a key or a payload.";

/// The exit code of a program that is told wrongly, as clap has it: whoever starts it again tells it the same. Our systemd units do not.
const TOLD: u8 = 2;

/// The exit code of any other failure.
const FAILED: u8 = 1;

/// Helps people to use WhatsApp where the connection to it is blocked.
///
/// Somebody outside runs a relay: on Cloudflare, or on a server with `pasarela serve`. Somebody
/// inside is given its link and runs `pasarela bridge` with it; WhatsApp on the phones of the house
/// then connects through both. `pasarela check` tells whether that works, and if not, why.
#[derive(Debug, Parser)]
#[command(name = "pasarela", version, after_help = AFTER_HELP)]
struct Cli {
    /// Log more: once for each connection's stages, twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    /// Take settings that are not given otherwise from this TOML file: below [bridge] those of `pasarela bridge`, named as
    /// its options, and so on
    #[arg(long, global = true, value_name = "FILE", env = "PASARELA_CONFIG")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let the WhatsApp on your phone connect through a relay
    ///
    /// Run it on a computer in the same Wi-Fi as the phone, with the link that somebody gave you. It
    /// prints a code; scan it with the phone, and WhatsApp connects through this computer and the
    /// relay. To the network it looks like a visit to the relay's website.
    Bridge(Box<bridge::Args>),

    /// Run the relay on a server of your own
    ///
    /// What the Cloudflare Worker does, natively: library clients, WebSocket tools and tunnels come in
    /// by HTTPS, and go on to WhatsApp and nowhere else. Closed until a key is set.
    Serve(Box<serve::Args>),

    /// Check whether a relay or a proxy leads to WhatsApp
    ///
    /// Goes the way that a phone's bytes go, stage by stage, down to the keys that only WhatsApp
    /// has, and says at the first failure what it means and what to try. No account is involved.
    Check(check::Args),

    /// Show the link and the QR code of a relay or a bridge
    Share(share::Args),

    /// Put a relay on Cloudflare, or bring it up to date
    ///
    /// One command for whoever is outside and wants to help: it takes an account on Cloudflare, where the
    /// free plan will do, and nothing to install. The relay is closed to all who have no key.
    #[cfg(feature = "deploy")]
    Deploy(Box<deploy::Args>),

    /// Show who has a key to a relay, give one, take one back
    ///
    /// Of a relay on Cloudflare, or with --file of one that `pasarela serve` runs.
    #[cfg(feature = "deploy")]
    Keys(keys::Args),
}

/// What failed, where, and what to try.
#[derive(Debug)]
struct Failure {
    what: String,
    cause: Cause,
    hint: Cow<'static, str>,
    code: u8,
}

/// Troubles with a file that come again.
const STAYS: [io::ErrorKind; 6] = [
    io::ErrorKind::InvalidData,
    io::ErrorKind::IsADirectory,
    io::ErrorKind::NotADirectory,
    io::ErrorKind::NotFound,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::ReadOnlyFilesystem,
];

/// What made it fail.
type Cause = Box<dyn Error + Send + Sync>;

impl Failure {
    /// It was told something that cannot be used, and would fail so every time.
    fn told(what: impl Into<String>, cause: impl Into<Cause>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), cause: cause.into(), hint: hint.into(), code: TOLD }
    }

    /// It met something that may be otherwise another time.
    fn met(what: impl Into<String>, cause: impl Into<Cause>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { code: FAILED, ..Self::told(what, cause, hint) }
    }

    /// It was told of a file. One that is missing or nobody's to use stays so; a full disk may have room another time.
    fn file(
        what: impl Into<String>,
        kind: io::ErrorKind,
        cause: impl Into<Cause>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        if STAYS.contains(&kind) { Self::told(what, cause, hint) } else { Self::met(what, cause, hint) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&texts::program::failure(&self.what, &self.cause, &self.hint))
    }
}

/// Parses the command line, runs the command, gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    panics::contain();
    Language::choose();
    // The older console of Windows shows escapes as they are until it is asked not to; elsewhere this does nothing.
    let _ = anstyle_query::windows::enable_ansi_colors();
    let given: Vec<_> = std::env::args_os().collect();
    if let ([program], true) = (&given[..], cfg!(windows)) {
        let mut input = io::stdin().lock();
        if let Some(arguments) = asked::arguments(program, &mut input) {
            let code = run(arguments);
            asked::keep_window(code, &mut input);
            return code;
        }
    }
    run(given)
}

fn run(arguments: Vec<OsString>) -> ExitCode {
    let added = match file::add(values::tolerant(Cli::command()), arguments) {
        Ok(added) => added,
        Err((path, wrong)) => return usage(&texts::file::wrong(&path, &wrong)),
    };
    // Ends the process by itself with 2 when the command line is not right, 0 for --help.
    let parsed = values::tolerant(Cli::command()).try_get_matches_from(&added.arguments);
    let cli = parsed.and_then(|given| Cli::from_arg_matches(&given)).unwrap_or_else(|error| refuse(&error));
    if let Some(path) = added.exposed {
        eprintln!("{}", texts::file::exposed(&path));
    }
    start_logging(cli.verbose);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{}", texts::program::no_runtime(&error));
            return ExitCode::FAILURE;
        }
    };
    let result = match cli.command {
        Command::Bridge(args) => runtime.block_on(bridge::run(*args)).map(|()| ExitCode::SUCCESS),
        Command::Serve(args) => runtime.block_on(serve::run(*args)).map(|()| ExitCode::SUCCESS),
        Command::Check(args) => runtime.block_on(check::run(args)),
        Command::Share(args) => share::run(&args),
        #[cfg(feature = "deploy")]
        Command::Deploy(args) => runtime.block_on(deploy::run(*args)),
        #[cfg(feature = "deploy")]
        Command::Keys(args) => runtime.block_on(keys::run(args)),
    };
    // Looking up a name in vain may take the system half a minute more, in a thread that nobody can stop.
    runtime.shutdown_background();
    let code = result.unwrap_or_else(|failure| {
        eprintln!("{failure}");
        ExitCode::from(failure.code)
    });
    if code == ExitCode::SUCCESS && say::is_lost() {
        let failure = Failure::met(texts::program::LOST, texts::program::NO_SPACE, texts::program::MORE_SPACE);
        eprintln!("{failure}");
        return ExitCode::from(failure.code);
    }
    code
}

/// Ends the process as clap does, but repeats no link: a key is in it.
fn refuse(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let is_link = |word: &str| word.contains("://") || word.contains('#');
    if !text.split_whitespace().any(is_link) || !error.use_stderr() {
        error.exit();
    }
    let words = text.split_inclusive(char::is_whitespace);
    eprint!("{}", words.map(|word| if is_link(word) { "(the link) " } else { word }).collect::<String>());
    std::process::exit(TOLD.into());
}

/// Says what is not right with the command line, in words that repeat nothing of it: it may hold a key.
fn usage(wrong: &str) -> ExitCode {
    eprintln!("{}", texts::program::usage(wrong));
    ExitCode::from(TOLD)
}

fn start_logging(verbose: u8) {
    let default = match verbose {
        0 => "pasarela=warn",
        1 => "pasarela=debug",
        _ => "pasarela=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // Libraries may say anything at all, such as the headers of a request with a key in its path.
    let ours = filter_fn(|metadata| metadata.target().starts_with(env!("CARGO_PKG_NAME")));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(look::is_coloured())
        .log_internal_errors(false)
        .with_filter(ours);
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    // A second one can only come from a test that runs `main` twice.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        values::tolerant(Cli::command()).debug_assert();
    }

    #[test]
    fn defaults_are_read() {
        let parse = |args: &[&str]| Cli::try_parse_from(args).map(drop).is_ok();
        assert!(!parse(&["pasarela"]));
        assert!(parse(&["pasarela", "serve", "--listen", "[::]:443", "--cert", "a", "--key", "b", "--rate", "0"]));
        assert!(!parse(&["pasarela", "serve", "--cert", "a"]));
        assert!(!parse(&["pasarela", "serve", "--trust-proxy", "10.0.0.0/99"]));
    }
}
