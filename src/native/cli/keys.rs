//! `pasarela keys`: who has a key, a new one, one taken back; of a relay on Cloudflare, or of the file that `serve` reads.
//!
//! Names alone are listed. A new key is shown once.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use super::{
    Failure,
    cloud::{Cloud, Manner, refused},
    deploy::{BY_HAND, Progress, VARIABLES_MAX, absent, full, has_key, holder, is_of_keys, no_key, shown},
    files, signal,
    texts::{account, deploy as deploy_texts, keys as texts, steps},
    usage,
    way::Way,
};
use crate::{
    deploy::{Existing, KeyFile, KeyFileError, Person, Place, Worker, random_key},
    link::Link,
};

const EXAMPLES: &str = r##"Examples:
  pasarela keys
      Who has a key to the relay on Cloudflare.
  pasarela keys new ana
      Gives Ana one, and prints her link.
  pasarela keys revoke ana
      Takes it back: within a minute her link leads nowhere, and all others stay.
  pasarela keys new ana --file keys
      The same for the file of `pasarela serve --relay-keys-file keys`.

Cloudflare tells the names of keys and never the keys: a link that is lost is replaced by a new one. The
plan has room for 64 variables and secrets a Worker, so for some 60 people."##;

// Its help text is the command's, in `super::Command`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// What to do
    #[arg(default_value = "list")]
    action: Action,

    /// Whose key
    #[arg(value_name = "NAME", required_if_eq_any([("action", "new"), ("action", "revoke")]))]
    person: Option<String>,

    /// The file of `pasarela serve --relay-keys-file`, in place of a relay on Cloudflare
    #[arg(long, value_name = "FILE", env = "PASARELA_RELAY_KEYS_FILE")]
    file: Option<PathBuf>,

    /// Print one line of JSON: keys; with `new` also name, key and link
    #[arg(long, env = "PASARELA_KEYS_JSON")]
    json: bool,

    #[command(flatten)]
    cloud: Cloud,

    #[command(flatten)]
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Who has one
    List,
    /// Give one
    New,
    /// Take one back
    Revoke,
}

/// What is done, and to whom: to a person of a Worker's, or to any name in a file.
enum Wanted<P> {
    List,
    New(P),
    Revoke(P),
}

impl<P> Wanted<P> {
    fn new(action: Action, person: Option<P>) -> Self {
        match (action, person) {
            (Action::New, Some(person)) => Self::New(person),
            (Action::Revoke, Some(person)) => Self::Revoke(person),
            (Action::List, _) | (_, None) => Self::List,
        }
    }
}

pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    if let Some(wrong) = args.cloud.wrong() {
        return Ok(usage(&wrong.text()));
    }
    if let Some(file) = &args.file {
        let wanted = Wanted::new(args.action, args.person.as_deref());
        return of_file(file, &wanted, args.json).map_err(|error| {
            let (what, why, hint) = (texts::file(&error), texts::file_cause(&error), texts::file_hint(&error));
            match &error {
                KeyFileError::Name => Failure::told(what, why, hint),
                KeyFileError::Read(cause) | KeyFileError::Write(cause) => Failure::file(what, cause.kind(), why, hint),
                KeyFileError::Taken | KeyFileError::Unknown | KeyFileError::Last => Failure::met(what, why, hint),
            }
        });
    }
    let wanted = match args.person.as_deref().map(str::parse::<Person>).transpose() {
        Ok(person) => Wanted::new(args.action, person),
        Err(wrong) => return Ok(usage(&texts::name(wrong))),
    };
    let settings = Worker::settings_alone().map_err(|cause| {
        Failure::met(deploy_texts::NO_WORKER, deploy_texts::worker(&cause), deploy_texts::GIVE_WORKER)
    })?;
    let place = args.cloud.place(&args.way, (&settings, settings.name()), Manner::default()).await?;
    let existing = place.existing(&settings).await.map_err(refused(account::LOOKING))?;
    let existing = existing.filter(|existing| existing.is_relay).ok_or_else(|| absent(&place.name))?;
    let (end, progress) = (signal::end()?, Progress::new(false));
    let so_far = || progress.so_far(&texts::SEE_KEYS.text());
    tokio::select! {
        done = of_worker(&args, &wanted, &place, existing, &progress) => done.inspect_err(|_| eprintln!("{}", so_far())),
        () = end => {
            eprintln!("{}\n{}", steps::STOPPED, so_far());
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn of_worker(
    args: &Args,
    wanted: &Wanted<Person>,
    place: &Place,
    existing: Existing,
    progress: &Progress,
) -> Result<ExitCode, Failure> {
    let Existing { secrets, variables, .. } = existing;
    let has = |person: &Person| secrets.contains(&person.variable());
    match wanted {
        Wanted::List => {}
        Wanted::New(person) => {
            if has(person) {
                return Err(has_key(person));
            }
            if variables.len() + secrets.len() >= VARIABLES_MAX {
                return Err(full());
            }
            let looking = refused(account::LOOKING);
            let subdomain = place.subdomain().await.map_err(&looking)?.unwrap_or_default();
            let host = place.host(&subdomain).await.map_err(looking)?;
            let key = random_key();
            let link: Option<Link> = format!("https://{host}/#{key}").parse().ok();
            let (given, secret) =
                (steps::given_to(&person.to_string()), link.as_ref().map_or(key.clone(), Link::to_string));
            let setting = place.put_secret(&person.variable(), &key);
            progress.change((steps::KEY, &given), Some(secret), setting).await.map_err(refused(account::KEYING))?;
            tell_new(args.json, &person.to_string(), &key, link.as_ref());
            return Ok(ExitCode::SUCCESS);
        }
        Wanted::Revoke(person) => {
            if !has(person) {
                return Err(no_key(person));
            }
            if !secrets.iter().any(|secret| is_of_keys(secret) && *secret != person.variable()) {
                return Err(Failure::met(
                    texts::last_key(&person.to_string()),
                    texts::LAST_CAUSE,
                    texts::ANOTHER_FIRST,
                ));
            }
            let (taken, taking) = (steps::taken_back(&person.to_string()), place.delete_secret(&person.variable()));
            progress.change((steps::KEY, &taken), None, taking).await.map_err(refused(account::REVOKING))?;
        }
    }
    let gone = |secret: &String| matches!(wanted, Wanted::Revoke(person) if person.variable() == *secret);
    let left: Vec<_> = secrets.into_iter().filter(|secret| !gone(secret)).collect();
    let names =
        left.iter().filter(|secret| is_of_keys(secret) && *secret != BY_HAND).map(|secret| holder(secret)).collect();
    tell(args.json, names, left.iter().any(|secret| secret == BY_HAND));
    Ok(ExitCode::SUCCESS)
}

fn of_file(path: &Path, wanted: &Wanted<&str>, json: bool) -> Result<ExitCode, KeyFileError> {
    let text = match (files::text(path), wanted) {
        (Ok(text), _) => text,
        (Err(error), Wanted::New(_)) if error.kind() == io::ErrorKind::NotFound => String::new(),
        (Err(error), _) => return Err(KeyFileError::Read(error)),
    };
    let mut file = KeyFile::new(path, text);
    let new = match wanted {
        Wanted::List => None,
        Wanted::New(person) => {
            let key = random_key();
            file.add(person, &key)?;
            file.write()?;
            Some((person, key))
        }
        Wanted::Revoke(person) => {
            file.revoke(person)?;
            file.write()?;
            None
        }
    };
    for name in file.unusable() {
        eprintln!("{}", texts::unusable(&name));
    }
    if file.is_odd() {
        eprintln!("{}", texts::ODD);
    }
    match new {
        Some((person, key)) => tell_new(json, person, &key, None),
        None => tell(json, file.names(), false),
    }
    if !json && !matches!(wanted, Wanted::List) {
        eprintln!("{}", texts::RESTART);
    }
    Ok(ExitCode::SUCCESS)
}

/// Who has a key.
fn tell(json: bool, mut names: Vec<String>, by_hand: bool) {
    names.sort_unstable();
    if json {
        println!("{}", json!({ "keys": names, "by_hand": by_hand }));
        return;
    }
    for name in &names {
        println!("{name}");
    }
    if by_hand {
        println!("{}", texts::BY_HAND);
    } else if names.is_empty() {
        println!("{}", texts::NO_KEYS);
    }
}

/// A new key, the only time that it is shown.
fn tell_new(json: bool, name: &str, key: &str, link: Option<&Link>) {
    if json {
        println!("{}", json!({ "name": name, "key": key, "link": link.map(ToString::to_string) }));
        return;
    }
    println!("{}", link.map_or_else(|| texts::file_link(key), shown));
}
