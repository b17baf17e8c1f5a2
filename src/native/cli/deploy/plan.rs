//! Whose key is given and whose is taken back, decided before anything is sent.

use pasarela_core::config::PERSON;

use super::{
    super::{Failure, texts::keys as texts},
    VARIABLES_MAX,
};
use crate::deploy::{Existing, Person, Worker, random_key};

/// What becomes of the keys.
pub(super) struct Plan {
    /// New ones.
    pub(super) given: Vec<(Person, String)>,
    /// Those that are taken back and not replaced.
    pub(super) revoked: Vec<Person>,
    /// Who has one in the end, as far as can be told.
    pub(super) all: Vec<String>,
}

impl Plan {
    /// If nobody would have a key, one for the operator is among them.
    pub(super) fn new(
        key: &[Person],
        revoke: &[Person],
        existing: Option<&Existing>,
        worker: &Worker,
    ) -> Result<Self, Failure> {
        let secrets = existing.map(|existing| existing.secrets.as_slice()).unwrap_or_default();
        let has = |person: &Person| secrets.contains(&person.variable());
        if let Some(person) = revoke.iter().find(|person| !has(person)) {
            return Err(no_key(person));
        }
        if let Some(person) = key.iter().find(|person| has(person) && !revoke.contains(person)) {
            return Err(has_key(person));
        }
        let is_revoked = |secret: &String| revoke.iter().any(|person| person.variable() == *secret);
        let mut given = key.to_vec();
        given.sort_unstable();
        given.dedup();
        if given.is_empty() && !secrets.iter().any(|secret| is_of_keys(secret) && !is_revoked(secret)) {
            given.push(Person::me());
        }
        // Who is given a new one keeps the variable.
        let revoked: Vec<_> = revoke.iter().filter(|person| !given.contains(person)).cloned().collect();
        let gone: Vec<_> = revoked.iter().map(Person::variable).collect();
        let kept = secrets.iter().filter(|secret| !gone.contains(secret));
        let keys = kept.clone().filter(|secret| is_of_keys(secret));
        let variables = existing.map_or(0, |existing| existing.variables.len()).max(worker.variables());
        let new = given.iter().filter(|person| !has(person)).count();
        if variables + kept.count() + new > VARIABLES_MAX {
            return Err(full());
        }
        let mut all: Vec<_> = keys.map(|secret| holder(secret)).chain(given.iter().map(Person::to_string)).collect();
        all.sort_unstable();
        all.dedup();
        Ok(Self { given: given.into_iter().map(|person| (person, random_key())).collect(), revoked, all })
    }
}

/// Whether a secret holds keys.
pub(in super::super) fn is_of_keys(secret: &str) -> bool {
    secret == BY_HAND || secret.starts_with(PERSON)
}

/// The secret in which the operator keeps several keys.
pub(in super::super) const BY_HAND: &str = "RELAY_KEYS";

/// Whose key it holds; of what was set by hand, the variable.
pub(in super::super) fn holder(secret: &str) -> String {
    Person::of(secret).map_or_else(|| secret.to_owned(), |person| person.to_string())
}

/// There is a key already.
pub(in super::super) fn has_key(person: &Person) -> Failure {
    Failure::met(texts::has_key(&person.to_string()), texts::KEYS_STAY, texts::REVOKE_FIRST)
}

/// There is no key to take back.
pub(in super::super) fn no_key(person: &Person) -> Failure {
    Failure::met(texts::has_no_key(&person.to_string()), texts::NOT_LISTED, texts::LIST_FIRST)
}

/// One key more would be too many.
pub(in super::super) fn full() -> Failure {
    Failure::met(texts::FULL, texts::FULL_CAUSE, texts::MAKE_ROOM)
}
