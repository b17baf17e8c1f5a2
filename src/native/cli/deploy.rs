//! `pasarela deploy`: asks, sends the Worker, gives it keys and a name, and checks the whole way through it.
//!
//! The requests are [`crate::deploy`]'s, the check is [`crate::check`]'s. Every step may be repeated: whoever runs it again goes on
//! where it stopped, and keys that are there stay.

mod progress;
mod plan;
mod site;
mod arrival;
mod told;

use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::{
    Failure,
    cloud::{Cloud, Manner, is_sure, refused},
    signal,
    texts::{account, deploy as texts, language::In, steps},
    usage,
    way::Way,
};
use crate::{
    deploy::{
        ApiError, Existing, Meaning, Person, Place, Stored, Worker, is_worker_name, random_subdomain,
        random_worker_name,
    },
    link::Link,
};
use arrival::Arrival;
use plan::Plan;
pub(super) use plan::{BY_HAND, full, has_key, holder, is_of_keys, no_key};
pub(super) use progress::Progress;
use told::Done;
pub(super) use told::shown;

const EXAMPLES: &str = r##"Examples:
  pasarela deploy
      Asks for all that it needs, puts the relay there, and prints its link. Again: brings it up to date.
  pasarela deploy --name bicycles --domain bicycles.example.org
      Under a name that says nothing, on a domain that the account has. Some countries block workers.dev as a whole.
  pasarela deploy --site public
      Also sends the files of your own site in the folder "public", which whoever has no key then sees.
  pasarela deploy --key ana --key bo
      Also gives two people a key each; `pasarela keys` does that without sending the Worker again.
  pasarela deploy --revoke ana
      Takes a key back.
  pasarela deploy --dry-run
      Looks what is there, and shows what would be sent.
  pasarela deploy --remove
      Takes the relay away.
  pasarela deploy --yes --json --token-file FILE
      Asks nothing and prints one line of JSON: worker, account, host, updated, links, keys, site,
      check.

Exit codes:
   0  done; if a key was given, WhatsApp works through the relay with it
   1  not done; what was done all the same is said, and how to undo it
   2  told wrongly: an option, a variable, the token or a file cannot be used
  10 to 17  the relay is there, but its check failed, see `pasarela check --help`
  13  may also mean that it was not checked: its own name may still lead elsewhere, or a firewall
      rule is in front of it"##;

/// The platform's limit of the free plan for variables and secrets of one Worker.
pub(super) const VARIABLES_MAX: usize = 64;

/// A random name below workers.dev is drawn anew as often, if somebody has it.
const DRAWS: usize = 3;

// Its help text is the command's, in `super::Command`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// A name of your own for the relay, in a zone of the account; it takes the place of the one before
    #[arg(long, value_name = "HOST", env = "PASARELA_DEPLOY_DOMAIN", conflicts_with = "remove")]
    domain: Option<String>,

    /// The account's name below workers.dev, if it has none yet; all its Workers have it [default: random letters]
    #[arg(long, value_name = "NAME", env = "PASARELA_DEPLOY_SUBDOMAIN", conflicts_with = "remove")]
    subdomain: Option<String>,

    /// Give this person a key; may be repeated [default: if there is none, one for "me"]
    #[arg(long, value_name = "NAME", conflicts_with = "remove")]
    key: Vec<Person>,

    /// Take this person's key back; may be repeated. With --key of the same name it is replaced
    #[arg(long, value_name = "NAME", conflicts_with = "remove")]
    revoke: Vec<Person>,

    /// Your own site, shown to visitors without a key: a folder of files, but for names that begin with a dot. _headers,
    /// _redirects and .assetsignore in it mean what they mean to wrangler
    #[arg(long, value_name = "FOLDER", env = "PASARELA_DEPLOY_SITE", conflicts_with = "remove")]
    site: Option<PathBuf>,

    /// Show visitors without a key nothing any more
    #[arg(long, conflicts_with_all = ["site", "remove"])]
    no_site: bool,

    /// Take the relay away, with its keys and names
    #[arg(long)]
    remove: bool,

    /// Change nothing; show what would be sent
    #[arg(long)]
    dry_run: bool,

    /// Do not ask whether to go on
    #[arg(short, long, env = "PASARELA_DEPLOY_YES")]
    yes: bool,

    /// Send the Worker in this folder, which has its wrangler.toml, in place of the one in this program
    #[arg(long, value_name = "FOLDER", env = "PASARELA_DEPLOY_WORKER")]
    worker: Option<PathBuf>,

    /// What the links say behind the key, for example "addr=104.16.0.1&sni=none"
    #[arg(long, value_name = "PARAMETERS", env = "PASARELA_DEPLOY_LINK_WITH")]
    link_with: Option<String>,

    /// Print one line of JSON
    #[arg(long, env = "PASARELA_DEPLOY_JSON")]
    json: bool,

    #[command(flatten)]
    cloud: Cloud,

    #[command(flatten)]
    way: Way,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    if let Some(wrong) = args.cloud.wrong().or_else(|| wrong(&args)) {
        return Ok(usage(&wrong.text()));
    }
    let worker = worker(&args)?;
    if !args.remove
        && let Some(link) = link(&args, "relay.example", None)
    {
        // Else what the links say would prove unusable once everything is changed.
        arrival::way(&args, &link)?;
    }
    let asks = !args.yes && !args.dry_run;
    if asks && !args.remove {
        eprint!("{}", texts::TERMS);
        if !is_sure(&texts::DEPLOY.text())? {
            return Ok(nothing_done());
        }
    }
    let progress = Progress::new(!args.json);
    let fresh = if args.remove { worker.name().to_owned() } else { random_worker_name() };
    let manner = Manner { changes_nothing: args.dry_run, asks_nobody: args.yes };
    let placed = args.cloud.place(&args.way, (&worker, &fresh), manner).await;
    let place = placed.inspect_err(|_| eprintln!("{}", progress.so_far("")))?;
    progress.step(steps::ACCOUNT, &place.account.name);
    if asks && args.remove && !is_sure(&texts::remove(&place.name))? {
        return Ok(nothing_done());
    }
    // Up to here nothing was changed, and Ctrl-C ends it as it ends any program.
    let end = signal::end()?;
    let further: String = if args.remove { steps::REMOVE_AGAIN.into() } else { steps::go_on(&place.name) };
    let done = tokio::select! {
        done = work(&args, &worker, &place, &progress) => done,
        () = end => {
            eprintln!("{}\n{}", steps::STOPPED, progress.so_far(&further));
            return Ok(ExitCode::FAILURE);
        }
    };
    if args.dry_run && done.is_ok() {
        told::show(args.json, &place);
    } else if done.is_err() && !args.dry_run {
        eprintln!("{}", progress.so_far(&further));
    }
    done
}

fn nothing_done() -> ExitCode {
    eprintln!("{}", account::NOTHING_DONE);
    ExitCode::FAILURE
}

fn wrong(args: &Args) -> Option<In> {
    if args.subdomain.as_ref().is_some_and(|name| !is_worker_name(name)) {
        return Some(texts::NO_SUBDOMAIN);
    }
    let host = |host: &String| host.contains('.') && host.split('.').all(is_worker_name);
    if args.domain.as_ref().is_some_and(|domain| !host(domain)) {
        return Some(texts::NO_DOMAIN);
    }
    link(args, "relay.example", None).is_none().then_some(texts::NO_LINK)
}

fn worker(args: &Args) -> Result<Worker, Failure> {
    let worker = args.worker.as_deref().map_or_else(Worker::built_in, Worker::in_folder);
    let worker = worker.map_err(|cause| Failure::told(texts::NO_WORKER, texts::worker(&cause), texts::GIVE_WORKER))?;
    let changes = args.site.is_some() || args.no_site;
    Ok(if changes {
        worker.showing(args.site.as_deref().map(|folder| site::read(folder, args.cloud.token_file())).transpose()?)
    } else {
        worker
    })
}

/// The link of a key, or of the relay alone.
fn link(args: &Args, host: &str, key: Option<&str>) -> Option<Link> {
    let with = args.link_with.as_ref().map(|with| format!("&{with}")).unwrap_or_default();
    format!("https://{host}/#{}{with}", key.unwrap_or_default()).parse().ok()
}

async fn work(args: &Args, worker: &Worker, place: &Place, progress: &Progress) -> Result<ExitCode, Failure> {
    let existing = place.existing(worker).await.map_err(refused(account::LOOKING))?;
    if existing.as_ref().is_some_and(|existing| !existing.is_relay) {
        return Err(Failure::met(texts::foreign(&place.name), texts::FOREIGN_CAUSE, texts::ANOTHER_NAME));
    }
    if args.remove {
        return remove(args, place, existing.is_some(), progress).await;
    }
    if worker.site.is_none() && !args.no_site && existing.as_ref().is_some_and(|existing| existing.has_site) {
        return Err(site::forgotten());
    }
    let plan = Plan::new(&args.key, &args.revoke, existing.as_ref(), worker)?;
    let host = host(args, place, progress).await?;
    let links = plan.given.iter().filter_map(|(person, key)| Some((person, link(args, &host, Some(key))?)));
    let links: Vec<_> = links.collect();
    let stored = send(args, worker, (place, &host), (existing.as_ref(), &plan, &links), progress).await?;
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let bare = link(args, &host, None);
    let first = links.first().map(|(_, link)| link).or(bare.as_ref());
    let arrival = Arrival::of(args, first, progress).await?;
    let code = arrival.code;
    let files = worker.site.as_ref().zip(stored).map(|(site, stored)| (site.len(), stored.sent));
    let done = Done { place, host: &host, updated: existing.is_some(), links: &links, plan: &plan, files, arrival };
    done.say(args.json);
    Ok(code)
}

/// Sends all that makes the relay: before its name leads anywhere, it has a key.
async fn send(
    args: &Args,
    worker: &Worker,
    (place, host): (&Place, &str),
    (existing, plan, links): (Option<&Existing>, &Plan, &[(&Person, Link)]),
    progress: &Progress,
) -> Result<Option<Stored>, Failure> {
    let own_name = is_own_name(host);
    let seen = existing.and_then(|existing| existing.tag.as_deref());
    let stored = match &worker.site {
        Some(own) => Some(site::store(place, own, args.dry_run, progress).await?),
        None => None,
    };
    let (sent, upload) = (steps::sent_as(&place.name), place.upload(worker, seen, stored.as_ref()));
    progress.change((steps::WORKER, &sent), None, upload).await.map_err(refused(account::UPLOADING))?;
    for (person, key) in &plan.given {
        let link = links.iter().find(|(of, _)| *of == person).map(|(_, link)| link.to_string());
        let (given, variable) = (steps::given_to(&person.to_string()), person.variable());
        let setting = place.put_secret(&variable, key);
        progress.change((steps::KEY, &given), link, setting).await.map_err(refused(account::KEYING))?;
    }
    for person in &plan.revoked {
        let (taken, variable) = (steps::taken_back(&person.to_string()), person.variable());
        let taking = place.delete_secret(&variable);
        progress.change((steps::KEY, &taken), None, taking).await.map_err(refused(account::REVOKING))?;
    }
    if let Some(domain) = &args.domain {
        progress
            .change((steps::DOMAIN, domain), None, place.take_domain(domain))
            .await
            .map_err(refused(account::NAMING))?;
    }
    // Whoever has a domain already has decided about workers.dev.
    if args.domain.is_some() || !own_name {
        let how = if own_name { steps::ANSWERS_NOT_THERE } else { steps::ANSWERS_THERE };
        let publishing = place.publish(worker, own_name);
        progress
            .change((steps::WORKERS_DEV, &how.text()), None, publishing)
            .await
            .map_err(refused(account::PUBLISHING))?;
    }
    Ok(stored)
}

/// Whether a relay's name is one that led elsewhere before it was the account's; those at workers.dev are Cloudflare's.
fn is_own_name(host: &str) -> bool {
    !host.ends_with(".workers.dev")
}

/// The relay's name. Even one with a domain of its own needs the account's at workers.dev.
async fn host(args: &Args, place: &Place, progress: &Progress) -> Result<String, Failure> {
    let subdomain = match place.subdomain().await.map_err(refused(account::LOOKING))? {
        Some(subdomain) => subdomain,
        None => claim(args.subdomain.as_deref(), place, progress).await.map_err(refused(account::CLAIMING))?,
    };
    match &args.domain {
        Some(domain) => Ok(domain.clone()),
        None => place.host(&subdomain).await.map_err(refused(account::LOOKING)),
    }
}

/// Gives the account a name below workers.dev. One that was given and not answered is refused when it is sent again, so after a refusal
/// it is looked whether there is one by now.
async fn claim(wanted: Option<&str>, place: &Place, progress: &Progress) -> Result<String, ApiError> {
    for draw in 1.. {
        let name = wanted.map_or_else(random_subdomain, str::to_owned);
        let called = steps::called(&name);
        let Err(error) = progress.change((steps::WORKERS_DEV, &called), None, place.claim_subdomain(&name)).await
        else {
            return Ok(name);
        };
        if error.meaning() != Meaning::Network
            && let Ok(Some(there)) = place.subdomain().await
        {
            return Ok(there);
        }
        if wanted.is_some() || draw == DRAWS || error.meaning() != Meaning::Taken {
            return Err(error);
        }
    }
    unreachable!("the last draw returns")
}

async fn remove(args: &Args, place: &Place, exists: bool, progress: &Progress) -> Result<ExitCode, Failure> {
    if !exists {
        return Err(absent(&place.name));
    }
    let taken = steps::taken_away(&place.name);
    progress.change((steps::WORKER, &taken), None, place.remove()).await.map_err(refused(account::REMOVING))?;
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if args.json {
        println!("{}", json!({ "worker": place.name, "account": place.account.id, "removed": true }));
    } else {
        println!("{}", steps::removed(&place.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// There is no such relay.
pub(super) fn absent(name: &str) -> Failure {
    Failure::met(texts::absent(name), texts::ABSENT_CAUSE, texts::RIGHT_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_ones_own_has_led_elsewhere() {
        assert!(is_own_name("relay.example") && !is_own_name("bicycles.name.workers.dev"));
    }
}
