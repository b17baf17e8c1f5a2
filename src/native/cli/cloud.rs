//! The account on Cloudflare, as `deploy` and `keys` are told of it: the token, the account, the Worker's name.
//!
//! What is asked of the API is [`crate::deploy`]'s. Here people are asked, and told what it refused.

use std::{
    env,
    io::{self, BufRead, IsTerminal},
    path::{Path, PathBuf},
};

use super::{
    Failure, files,
    texts::{account as texts, language::In, unusable},
    way::Way,
};
use crate::{
    connect::Setup,
    deploy::{Account, Api, ApiError, Base, Place, Token, Worker, accounts, is_worker_name, relays, verify},
};

/// The variables that wrangler knows, too.
const TOKEN: &str = "CLOUDFLARE_API_TOKEN";
const BASE: &str = "CLOUDFLARE_API_BASE_URL";

/// Flags of every command that changes a relay on Cloudflare.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The account on Cloudflare")]
pub(super) struct Cloud {
    /// What the Worker is called; networks see it in the relay's address, so choose one that says nothing
    /// [default: the account's relay, if it has one; else two words that say nothing]
    #[arg(long, value_name = "NAME", env = "PASARELA_DEPLOY_NAME")]
    name: Option<String>,

    /// The account's ID, if the token sees several
    #[arg(long, value_name = "ID", env = "CLOUDFLARE_ACCOUNT_ID")]
    account: Option<String>,

    /// A file with the API token [default: the variable CLOUDFLARE_API_TOKEN, else you are asked for it]
    #[arg(long, value_name = "FILE", env = "PASARELA_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

/// How a command goes about it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    /// What would change something is only written down.
    pub(super) changes_nothing: bool,
    /// Whoever started it has answered everything already.
    pub(super) asks_nobody: bool,
}

impl Cloud {
    /// The file with the token, if that is where it is.
    pub(super) fn token_file(&self) -> Option<&Path> {
        self.token_file.as_deref()
    }

    /// What is wrong with it as it was typed.
    pub(super) fn wrong(&self) -> Option<In> {
        let id = |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.name.as_ref().is_some_and(|name| !is_worker_name(name)) {
            return Some(texts::NO_NAME);
        }
        self.account.as_ref().is_some_and(|account| !id(account)).then_some(texts::NO_ACCOUNT_ID)
    }

    /// The relay's place in the account, once the token is known to be good: the one that is there, or one of this `fresh` name.
    pub(super) async fn place(
        &self,
        way: &Way,
        (worker, fresh): (&Worker, &str),
        manner: Manner,
    ) -> Result<Place, Failure> {
        let base = env::var(BASE).ok().filter(|base| !base.trim().is_empty());
        let base = Base::new(base.as_deref())
            .map_err(|_| Failure::told(texts::NO_BASE, texts::BASE_FORM, texts::UNSET_BASE))?;
        let token = self.token(manner)?;
        let (resolver, extra_roots) = way.read()?;
        let setup = Setup { extra_roots, exit: way.exit(&base.link)?, ..Setup::new(resolver) };
        let api = Api::new(&base, token, &setup, manner.changes_nothing)
            .map_err(|cause| Failure::told(texts::NO_BASE, unusable::setup(cause), texts::UNSET_BASE))?;
        verify(&api, self.account.as_deref()).await.map_err(refused(texts::VERIFYING))?;
        let account = match &self.account {
            Some(id) => Account { id: id.clone(), name: id.clone() },
            None => choose(accounts(&api).await.map_err(refused(texts::LISTING))?, manner)?,
        };
        let name = match &self.name {
            Some(name) => name.clone(),
            None => the_one(relays(&api, &account, worker).await.map_err(refused(texts::LOOKING))?)?
                .unwrap_or_else(|| fresh.to_owned()),
        };
        Ok(Place { api, account, name })
    }

    fn token(&self, manner: Manner) -> Result<Token, Failure> {
        let none = |cause: String| Failure::told(texts::NO_TOKEN, cause, texts::GIVE_TOKEN);
        let text = if let Some(file) = &self.token_file {
            files::text(file).map_err(|error| none(format!("{}: {error}", file.display())))?
        } else if let Some(token) = env::var(TOKEN).ok().filter(|token| !token.trim().is_empty()) {
            token
        } else if !manner.asks_nobody && io::stdin().is_terminal() {
            eprint!("{}", texts::TOKEN);
            rpassword::prompt_password(texts::TOKEN_PROMPT.text()).map_err(|error| none(error.to_string()))?
        } else {
            return Err(none(texts::NO_TERMINAL.into()));
        };
        Token::read(&text).map_err(|_| none(texts::TOKEN_FORM.into()))
    }
}

/// The relay, if there is one; of several, one has to be named.
fn the_one(mut relays: Vec<String>) -> Result<Option<String>, Failure> {
    if relays.len() > 1 {
        return Err(Failure::met(texts::SEVERAL_RELAYS, relays.join(", "), texts::NAME_RELAY));
    }
    Ok(relays.pop())
}

/// The account, if there is one; who sees several is asked, if somebody may be.
fn choose(mut accounts: Vec<Account>, manner: Manner) -> Result<Account, Failure> {
    if accounts.len() == 1 {
        return Ok(accounts.remove(0));
    }
    if accounts.is_empty() {
        return Err(Failure::met(texts::NO_ACCOUNT, texts::NO_ACCOUNT_CAUSE, texts::RIGHT_ACCOUNT));
    }
    eprintln!("{}", texts::SEVERAL_ACCOUNTS);
    for (index, account) in accounts.iter().enumerate() {
        eprintln!("  {}  {}  {}", index + 1, account.id, plain(&account.name));
    }
    if manner.asks_nobody {
        return Err(nobody(texts::NAME_ACCOUNT));
    }
    loop {
        let Some(answer) = asked(&texts::WHICH_ACCOUNT.text()) else { return Err(nobody(texts::NAME_ACCOUNT)) };
        let index = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        if let Some(index) = index.filter(|index| *index < accounts.len()) {
            return Ok(accounts.remove(index));
        }
    }
}

/// Somebody else's words without what a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

/// A line that is typed; none if there is nobody.
fn asked(question: &str) -> Option<String> {
    eprint!("{question}");
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(1..) => Some(line.trim().to_owned()),
        Ok(0) | Err(_) => {
            eprintln!("");
            None
        }
    }
}

/// Whether somebody says yes.
pub(super) fn is_sure(question: &str) -> Result<bool, Failure> {
    let answer = asked(question).ok_or_else(|| nobody(texts::SAY_YES))?;
    Ok(texts::is_yes(&answer))
}

fn nobody(hint: In) -> Failure {
    Failure::told(texts::NOTHING_DONE.text().trim_end_matches('.'), texts::NOBODY_TO_ASK, hint)
}

/// What could not be done, and why, in words.
pub(super) fn refused(what: In) -> impl Fn(ApiError) -> Failure {
    move |error| Failure::met(what, texts::refusal(&error), texts::advice(error.meaning()))
}
