//! What `pasarela deploy` and `pasarela keys` say.

use std::io;

use super::trouble::few;
use crate::deploy::{KeyFileError, Meaning, Unreached};

/// Before anything is done.
pub(in super::super) const TERMS: &str = "\
Cloudflare's terms forbid \"a virtual private network or other similar proxy services\" (section 2.2.1 j). A relay leads to WhatsApp
and nowhere else, but Cloudflare may see it as one and close it, or the account: take an account that nothing else depends on.
Whoever learns the relay's name can use up the free plan's day, 100 000 requests, with or without a key; it then rests until
midnight UTC. So keep the name among those you trust.
";
pub(in super::super) const DEPLOY: &str = "Put the relay there? [y/N] ";
pub(in super::super) fn remove(name: &str) -> String {
    format!("All links of this relay stop working, for good. Take {name} away? [y/N] ")
}
pub(in super::super) const NOTHING_DONE: &str = "Nothing was done.";
pub(in super::super) const NOBODY_TO_ASK: &str = "there is nobody to ask";
pub(in super::super) const SAY_YES: &str = "--yes, if that is what you want";

/// How to come by a token.
pub(in super::super) const TOKEN: &str = "\
This takes an API token of your account on Cloudflare:
  1. Open https://dash.cloudflare.com/profile/api-tokens and choose \"Create Token\".
  2. Take the template \"Edit Cloudflare Workers\", choose your account (and for --domain its zone), \"Continue\", \"Create Token\".
     Or, with no more rights than are needed, a custom token: Account / Workers Scripts / Edit and Account / Account Settings /
     Read; for --domain also Zone / Workers Routes / Edit.
  3. Copy it here. It is not shown, and kept nowhere.
";
pub(in super::super) const TOKEN_PROMPT: &str = "Token: ";
pub(in super::super) const NO_TOKEN: &str = "there is no usable API token";
pub(in super::super) const NO_TERMINAL: &str = "no terminal to ask at";
pub(in super::super) const GIVE_TOKEN: &str = "the variable CLOUDFLARE_API_TOKEN, or --token-file FILE, with a token from https://dash.cloudflare.com/profile/api-tokens";

pub(in super::super) const NO_BASE: &str = "CLOUDFLARE_API_BASE_URL cannot be used";
pub(in super::super) const UNSET_BASE: &str = "unsetting it: without it Cloudflare's own API is asked";
pub(in super::super) const NO_NAME: &str = "--name: 1 to 63 small letters, digits and hyphens, none at either end";
pub(in super::super) const NO_SUBDOMAIN: &str =
    "--subdomain: 1 to 63 small letters, digits and hyphens, none at either end";
pub(in super::super) const NO_ACCOUNT_ID: &str =
    "--account: the account's ID, 32 digits and letters, as its address shows it";
pub(in super::super) const NO_DOMAIN: &str = "--domain: a name such as relay.example.org";
pub(in super::super) const NO_LINK: &str =
    "--link-with: not what a link may say behind its key, as addr=104.16.0.1&sni=none";
pub(in super::super) const NO_WAY: &str = "--link-with cannot be used";
pub(in super::super) const ANOTHER_LINK_WITH: &str = "--link-with with something else, or none";
pub(in super::super) const NO_WORKER: &str = "there is no Worker to send";
pub(in super::super) const GIVE_WORKER: &str =
    "--worker with the folder that `cargo xtask dist edge` makes, or a program that was given away as a release";

/// The operator's own site.
pub(in super::super) const NO_SITE: &str = "the site cannot be sent";
pub(in super::super) const ANOTHER_SITE: &str =
    "a folder with an index.html; .assetsignore in it names what is not to be sent, as .gitignore does";
pub(in super::super) const SITE_AT_REST: &str = "deploy once more, when nothing writes to the folder";
pub(in super::super) const SITE_THERE: &str = "the relay shows a site of yours";
pub(in super::super) const SITE_GONE: &str = "a site that is not sent again would be gone";
pub(in super::super) const SITE_AGAIN: &str = "--site with its folder, or --no-site to take it away";
pub(in super::super) const STORING: &str = "the site's files cannot be sent";
pub(in super::super) fn stored(files: usize, sent: usize) -> String {
    format!("{files} files, of which {sent} had to be sent")
}
pub(in super::super) fn left_out(links: usize) -> String {
    format!("warning: {links} links in --site lead out of it and are not sent")
}

/// The account.
pub(in super::super) const NO_ACCOUNT: &str = "the token sees no account";
pub(in super::super) const NO_ACCOUNT_CAUSE: &str = "Cloudflare lists none";
pub(in super::super) const RIGHT_ACCOUNT: &str = "a token that includes your account under \"Account Resources\", with the right Account Settings / Read; or --account ID";
pub(in super::super) const SEVERAL_ACCOUNTS: &str = "The token sees several accounts:";
pub(in super::super) const WHICH_ACCOUNT: &str = "Which one? Its number: ";
pub(in super::super) const NAME_ACCOUNT: &str = "--account with the ID of one of them";

/// What a step is called when it fails.
pub(in super::super) const VERIFYING: &str = "the token cannot be used";
pub(in super::super) const LISTING: &str = "the account cannot be found";
pub(in super::super) const LOOKING: &str = "it cannot be told what is there already";
pub(in super::super) const CLAIMING: &str = "the account cannot be given a name below workers.dev";
pub(in super::super) const UPLOADING: &str = "the Worker cannot be sent";
pub(in super::super) const KEYING: &str = "the key cannot be set";
pub(in super::super) const REVOKING: &str = "the key cannot be taken back";
pub(in super::super) const PUBLISHING: &str = "the Worker cannot be made to answer at workers.dev";
pub(in super::super) const NAMING: &str = "the Worker cannot be given its domain";
pub(in super::super) const REMOVING: &str = "the Worker cannot be taken away";

/// What to try when the API refuses.
pub(in super::super) const fn advice(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Network => "looking whether this machine is online, another network, or --proxy",
        Meaning::Token => "a new token, copied whole, from https://dash.cloudflare.com/profile/api-tokens",
        Meaning::Rights => {
            "a token by the template \"Edit Cloudflare Workers\" that includes this account, and for --domain its zone"
        }
        Meaning::Blocked => {
            "another account: this one may not use Workers. Whose it is can ask Cloudflare why, at https://dash.cloudflare.com/?to=/:account/support"
        }
        Meaning::Email => "confirming the address of the account by the message that Cloudflare sent to it, then again",
        Meaning::Plan => {
            "taking away what is not used: the free plan has 100 Workers, and 64 variables and secrets a Worker, so some 60 keys"
        }
        Meaning::Taken => "another name: this one is in use",
        Meaning::Missing => "looking whether the account and the name are right; it may have been taken away meanwhile",
        Meaning::Later => {
            "again in some minutes; https://www.cloudflarestatus.com tells whether something is amiss there"
        }
        Meaning::Other => "again; if it stays, tell us the number",
    }
}

/// Why there was no answer.
pub(in super::super) fn unreached(host: &str, unreached: Unreached) -> String {
    match unreached {
        Unreached::Way(trouble) => format!("{host}: {}", few(trouble)),
        Unreached::Cut => format!("{host}: the connection was cut before there was an answer"),
        Unreached::Late => format!("{host}: there was no answer in time"),
    }
}

/// A Worker of that name is something else.
pub(in super::super) fn foreign(name: &str) -> String {
    format!("the account has a Worker called {name} that is no relay")
}
pub(in super::super) const FOREIGN_CAUSE: &str = "it would be overwritten";
pub(in super::super) const ANOTHER_NAME: &str = "--name with another name";

pub(in super::super) fn absent(name: &str) -> String {
    format!("the account has no relay called {name}")
}
pub(in super::super) const ABSENT_CAUSE: &str = "Cloudflare knows no Worker of that name";
pub(in super::super) const SEVERAL_RELAYS: &str = "the account has several relays";
pub(in super::super) const NAME_RELAY: &str = "--name with the name of one of them, or with a new one";
pub(in super::super) const RIGHT_NAME: &str = "--name with the name that it was given, or --account";

/// Keys.
pub(in super::super) fn has_key(person: &str) -> String {
    format!("{person} has a key already")
}
pub(in super::super) const KEYS_STAY: &str = "a key is never shown again, and not replaced unasked";
pub(in super::super) const REVOKE_FIRST: &str = "taking it back first, or another name";
pub(in super::super) fn has_no_key(person: &str) -> String {
    format!("{person} has no key that could be taken back")
}
pub(in super::super) const NOT_LISTED: &str =
    "there is none of that name; those inside RELAY_KEYS are for you alone to change";
pub(in super::super) const LIST_FIRST: &str = "`pasarela keys`, which lists them";
pub(in super::super) fn last_key(person: &str) -> String {
    format!("{person} has the last key")
}
pub(in super::super) const LAST_CAUSE: &str = "a relay without any shows everybody what it is";
pub(in super::super) const ANOTHER_FIRST: &str = "giving another key first, or taking the whole relay away";
pub(in super::super) const FULL: &str = "there is no room for another key";
pub(in super::super) const FULL_CAUSE: &str = "the plan allows 64 variables and secrets a Worker";
pub(in super::super) const MAKE_ROOM: &str = "taking keys back that nobody uses, or a second relay with --name";
pub(in super::super) const BY_HAND: &str = "RELAY_KEYS   was set by hand; Cloudflare tells nobody whose keys are in it";
pub(in super::super) const NO_KEYS: &str = "nobody";

/// The file of `serve`.
pub(in super::super) const fn file(error: &KeyFileError) -> &'static str {
    match error {
        KeyFileError::Read(_) => "the file of keys cannot be read",
        KeyFileError::Name
        | KeyFileError::Taken
        | KeyFileError::Unknown
        | KeyFileError::Last
        | KeyFileError::Write(_) => "the file of keys cannot be changed",
    }
}
pub(in super::super) fn file_hint(error: &KeyFileError) -> &'static str {
    match error {
        KeyFileError::Name => "another name",
        KeyFileError::Taken => REVOKE_FIRST,
        KeyFileError::Unknown => "`pasarela keys --file FILE`, which lists them",
        KeyFileError::Last => "giving another key first: `pasarela serve` does not start without any",
        KeyFileError::Read(error) if error.kind() == io::ErrorKind::NotFound => {
            "another file, or `pasarela keys new NAME --file FILE`, which makes a new one"
        }
        KeyFileError::Read(_) => "a text that you may read",
        KeyFileError::Write(_) => "a file in a folder in which you may write",
    }
}
pub(in super::super) fn unusable(name: &str) -> String {
    format!(
        "warning: {name} has no key there that can be used, and `pasarela serve` does not start with it: take it back, or give a new one"
    )
}
pub(in super::super) const ODD: &str = "warning: something there is no name=key, or a name is there twice, and `pasarela serve` does not start with it: mend the file by hand";
pub(in super::super) const RESTART: &str = "`pasarela serve` takes it into account when it is started again.";
pub(in super::super) fn file_link(key: &str) -> String {
    format!("https://HOST/#{key}\nThat is the link, with your server's name for HOST. The key is not shown again.")
}

/// Something was on its way when it stopped.
pub(in super::super) fn perhaps_done(change: &str) -> String {
    format!("perhaps {change}")
}

/// Steps, while they are done: what, and how it went.
pub(in super::super) fn step(what: &str, how: &str) -> String {
    format!("{what:<12} {how}")
}

/// What was done before it stopped, and how to go on.
pub(in super::super) fn done_so_far(done: &[String], secrets: &[String], further: &str) -> String {
    if done.is_empty() {
        return "Nothing was changed.".to_owned();
    }
    let keys = match secrets {
        [] => String::new(),
        links => format!("Links of the keys that are set, which nobody is shown again:\n  {}\n", links.join("\n  ")),
    };
    format!("Done so far: {}.\n{keys}{further}", done.join(", "))
}
pub(in super::super) fn go_on(name: &str) -> String {
    format!(
        "The same command again goes on from there, without the --key and --revoke that are done. To undo all of it:\n  \
         pasarela deploy --remove --name \"{name}\""
    )
}
pub(in super::super) const REMOVE_AGAIN: &str = "The same command again makes sure that it is gone.";
pub(in super::super) const SEE_KEYS: &str = "`pasarela keys` says who has a key now.";
pub(in super::super) const STOPPED: &str = "stopped before the end";

/// While the name is not known everywhere yet.
pub(in super::super) const WAITING: &str = "not yet from here; a new name can take some minutes";
pub(in super::super) const fn silent(own_name: bool) -> &'static str {
    if own_name {
        "not from here. A new name can take longer"
    } else {
        "not from here. A new name can take longer, and some networks block workers.dev"
    }
}

/// A name of its own leads elsewhere, as far as can be seen from here.
pub(in super::super) const UNCHECKED: &str = "\
Not checked: the name may still lead to whoever had it before, who must not see the key. Or a site of yours answers unknown paths
by something else than 404. In an hour, or once you know that it is yours, check it with a link:
  pasarela check \"https://HOST/#KEY\"";

/// Cloudflare lets nothing through there that has no key.
pub(in super::super) const BLOCKED: &str = "not from here: Cloudflare says 403, as it does for a firewall rule";
pub(in super::super) const WALLED: &str = "\
Not checked: Cloudflare says 403 to a path that nobody has, so it cannot be seen whether the name leads to your relay. If that is a
firewall rule of yours (Security, WAF), let paths through that begin with the new /KEY, too, and check it with the link:
  pasarela check \"https://HOST/#KEY\"";

/// At the end.
pub(in super::super) const UPDATED: &str = "\
The relay is up to date, and all keys are as they were. They are not told to anybody, so check it with your link:
  pasarela check \"https://HOST/#KEY\"";
pub(in super::super) fn next(name: &str) -> String {
    format!(
        "Give the link to one person you trust, in private; it is not shown again. Each person should have one of their own:\n  \
         pasarela keys new ana --name \"{name}\"\n\
         Whoever has a link uses it with `pasarela bridge`, or opens it in a browser for help. Again `pasarela deploy` brings the relay \
         up to date.\n\
         The token can be deleted now; another day a new one is as good."
    )
}
pub(in super::super) fn removed(name: &str) -> String {
    format!("{name} is gone, with its keys and names.")
}
pub(in super::super) const DRY: &str = "This would be sent; nothing was:";
