//! `pasarela share`: the link and QR code of a relay or a bridge, on the terminal or in a file.
//!
//! The codes are [`crate::share`]'s.

use std::{
    fs::OpenOptions,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{
    Failure, look,
    picture::{PICTURE, Picture},
    texts::{language::In, picture as picture_texts, share as texts, unusable},
    usage, values,
};
use crate::{
    link::Link,
    picture::{Grey, PIXELS_MAX},
    share::{Proxy, Qr},
};

const EXAMPLES: &str = r##"Examples:
  pasarela share "https://relay.example/#KEY"
      The link of a relay and its QR code. The quotes keep the shell from changing it.
  pasarela share --picture relay.png --text
      The link in the code in a picture.
  pasarela share --bridge 192.168.1.7
      The link that makes WhatsApp on a phone use the bridge on this address.
  pasarela share --bridge proxy.example --chat-port 443 --output proxy.png
      The same for an official proxy, as a picture to print or to send."##;

// Its help text is the command's, in `super::Command`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The relay's link, https://HOST/#KEY
    #[arg(env = "PASARELA_SHARE_LINK", hide_env_values = true, required_unless_present_any = ["bridge", "grey"],
          required_unless_present_any = PICTURE, conflicts_with = "grey", conflicts_with_all = PICTURE)]
    link: Option<String>,

    #[command(flatten)]
    picture: Picture,

    /// Take the relay's link from the QR code in the picture on standard input, which is a byte of grey for each pixel and
    /// nothing else; for programs that open pictures themselves
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = values::picture, conflicts_with_all = PICTURE)]
    grey: Option<(usize, usize)>,

    /// Name or address of a bridge or an official proxy, instead of a relay's link
    #[arg(long, value_name = "HOST", env = "PASARELA_SHARE_BRIDGE", conflicts_with_all = ["link", "grey"],
          conflicts_with_all = PICTURE)]
    bridge: Option<String>,

    /// The bridge's port for chat
    #[arg(long, value_name = "PORT", default_value_t = 5222, env = "PASARELA_SHARE_CHAT_PORT",
          value_parser = clap::value_parser!(u16).range(1..))]
    chat_port: u16,

    /// The bridge's port for photos, videos and documents [default: the chat port; 587 if that is 443]
    #[arg(long, value_name = "PORT", env = "PASARELA_SHARE_MEDIA_PORT",
          value_parser = clap::value_parser!(u16).range(1..))]
    media_port: Option<u16>,

    /// Let the phone wrap chat in TLS, as it always does on port 443
    #[arg(long, env = "PASARELA_SHARE_CHAT_TLS")]
    chat_tls: bool,

    /// Write to this file: .png and .svg are the QR code, .txt is the link
    #[arg(short, long, value_name = "FILE", env = "PASARELA_SHARE_OUTPUT")]
    output: Option<PathBuf>,

    /// Replace the file if it is there
    #[arg(long, env = "PASARELA_SHARE_FORCE")]
    force: bool,

    /// Print the QR code alone
    #[arg(long, env = "PASARELA_SHARE_QR", conflicts_with = "text")]
    qr: bool,

    /// Print the link alone
    #[arg(long, env = "PASARELA_SHARE_TEXT")]
    text: bool,
}

/// What to share, and what to say below it.
struct Shared {
    link: String,
    below: String,
    secret: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let pictured = args.grey.map(link_in_grey).transpose()?.or(args.picture.link()?);
    let shared = match pictured.map_or_else(|| shared(args), |link| Ok(Shared::relay(&link))) {
        Ok(shared) => shared,
        Err(wrong) => return Ok(usage(&wrong)),
    };
    let printed = match &args.output {
        Some(path) => write(path, args.force, &shared.link)?,
        None => print(args, &shared),
    };
    if let Err(wrong) = printed {
        return Ok(usage(&wrong.text()));
    }
    if shared.secret {
        eprintln!("{}", texts::SECRET);
    }
    Ok(ExitCode::SUCCESS)
}

fn shared(args: &Args) -> Result<Shared, String> {
    if let Some(host) = &args.bridge {
        let proxy = Proxy {
            chat_port: args.chat_port,
            media_port: args.media_port,
            chat_tls: args.chat_tls.then_some(true),
            ..Proxy::at(host).map_err(|_| texts::NO_HOST)?
        };
        return Ok(Shared { link: proxy.link(), below: texts::PROXY.into(), secret: false });
    }
    let link: Result<Link, _> = args.link.as_deref().unwrap_or_default().parse();
    link.map(|link| Shared::relay(&link)).map_err(|error| format!("{}: {}", texts::NO_LINK, unusable::link(error)))
}

impl Shared {
    fn relay(link: &Link) -> Self {
        Self { link: link.to_string(), below: texts::relay(&link.door()), secret: link.key.is_some() }
    }
}

/// The link in so many pixels of standard input.
fn link_in_grey((width, height): (usize, usize)) -> Result<Link, Failure> {
    let mut pixels = Vec::new();
    // One too many shows that they are not these.
    let read = io::stdin().lock().take(PIXELS_MAX as u64 + 1).read_to_end(&mut pixels);
    let failed = |cause| Failure::met(picture_texts::NO_LINK, cause, picture_texts::ONCE_MORE);
    read.map_err(failed)?;
    let link = Grey::new(width, height, pixels).and_then(Grey::link);
    link.map_err(|wrong| Failure::told(picture_texts::NO_LINK, unusable::picture(wrong), picture_texts::hint(wrong)))
}

/// The inner error is of what was asked for.
type Asked = Result<(), In>;

fn print(args: &Args, shared: &Shared) -> Asked {
    if args.text {
        println!("{}", shared.link);
        return Ok(());
    }
    let code = Qr::of(&shared.link).map_err(|_| texts::TOO_LONG)?;
    let code = look::code(&code);
    if args.qr {
        print!("{code}");
    } else {
        println!("{}\n\n{code}\n{}", shared.link, shared.below);
    }
    Ok(())
}

fn write(path: &Path, force: bool, link: &str) -> Result<Asked, Failure> {
    let code = Qr::of(link);
    let bytes = match (path.extension().and_then(|extension| extension.to_str()), code) {
        (Some("txt"), _) => format!("{link}\n").into_bytes(),
        (Some("png"), Ok(code)) => code.png(),
        (Some("svg"), Ok(code)) => code.svg().into_bytes(),
        (Some("png" | "svg"), Err(_)) => return Ok(Err(texts::TOO_LONG)),
        (Some(_) | None, _) => return Ok(Err(texts::NO_FORMAT)),
    };
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(true).create_new(!force);
    // A key is in it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let written = open.open(path).and_then(|mut file| file.write_all(&bytes));
    written.map(Ok).map_err(|cause| {
        let hint = if cause.kind() == io::ErrorKind::AlreadyExists { texts::EXISTS } else { texts::ANOTHER_FILE };
        Failure::file(texts::NOT_WRITTEN, cause.kind(), cause, hint)
    })
}
