//! A file that keeps which way worked in a network, so that the program need not find it again when it starts anew.
//!
//! Only ways that are not as the link says are kept, for a day. Networks and addresses are there as digests, made with the link:
//! whoever finds the file without the link learns no address, no name and no key from it.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::{
    link::Link,
    replace::{Readers, replace},
    ways::{Endpoint, Greeting, Met, Name, Network, Shape, Stack, Way},
};

/// The member that tells such a file from others, and the form of what is in it.
const FORM: (&str, u64) = ("pasarela-ways", 1);

/// What is older is not believed.
const HOURS: u64 = 24;

/// Digests are cut to this length: there are few of them, and they need not be unique in the world.
const DIGEST: usize = 12;

/// Why a file cannot be used.
#[derive(Debug)]
pub enum UnusableNotes {
    /// It cannot be read or written.
    Io(io::Error),
    /// It holds something else.
    Foreign,
}

impl fmt::Display for UnusableNotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Foreign => f.write_str("it holds something else, which is left as it is"),
        }
    }
}

impl std::error::Error for UnusableNotes {}

/// Such a file. All relays of a program share it.
pub struct Notes {
    path: PathBuf,
    notes: Mutex<BTreeMap<String, Note>>,
    writing: Mutex<()>,
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").finish_non_exhaustive()
    }
}

impl Notes {
    /// Opens it, or makes an empty one. Only its owner may read it.
    ///
    /// # Errors
    ///
    /// It cannot be read or written, or it is another kind of file.
    pub fn open(path: &Path) -> Result<Arc<Self>, UnusableNotes> {
        let notes = match fs::read(path) {
            Ok(text) if text.is_empty() && fs::metadata(path).is_ok_and(|file| file.is_file()) => BTreeMap::new(),
            Ok(text) => read(&text).ok_or(UnusableNotes::Foreign)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(UnusableNotes::Io(error)),
        };
        let notes = Self { path: path.to_owned(), notes: Mutex::new(notes), writing: Mutex::default() };
        // Whoever cannot write is told now, and not when nobody looks.
        notes.write().map_err(UnusableNotes::Io)?;
        Ok(Arc::new(notes))
    }

    /// What is kept of the relay of this link.
    pub(super) fn of(self: &Arc<Self>, link: &Link) -> Page {
        Page { notes: Arc::clone(self), secret: Sha256::digest(link.to_string()).into() }
    }

    /// Whoever carries streams does not wait for a disk.
    fn change(self: &Arc<Self>, key: String, note: Option<Note>) {
        let mut notes = self.lock();
        let changed = match note {
            Some(note) => notes.insert(key, note) != Some(note),
            None => notes.remove(&key).is_some(),
        };
        drop(notes);
        if !changed {
            return;
        }
        let this = Arc::clone(self);
        let write = move || {
            if this.write().is_err() {
                tracing::warn!(
                    "the file of --remember cannot be written, so the next start searches again; try: room on that \
                     disk, or another file"
                );
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(write)),
            Err(_) => write(),
        }
    }

    fn write(&self) -> io::Result<()> {
        // The last to write writes the latest.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = this_hour();
        let fresh: Map<_, _> = {
            let notes = self.lock();
            let fresh = notes.iter().filter(|(_, note)| note.is_fresh(hour));
            fresh.map(|(key, note)| (key.clone(), note.to_json())).collect()
        };
        let text = json!({ (FORM.0): FORM.1, "ways": fresh }).to_string();
        replace(&self.path, text.as_bytes(), Readers::Owner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Note>> {
        // Notes cannot be left half changed.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(text: &[u8]) -> Option<BTreeMap<String, Note>> {
    let text: Value = serde_json::from_slice(text).ok()?;
    if text.get(FORM.0)?.as_u64()? != FORM.1 {
        return None;
    }
    let hour = this_hour();
    let ways = text.get("ways")?.as_object()?.iter();
    let known = ways.filter_map(|(key, note)| Some((key.clone(), Note::of_json(note)?)));
    Some(known.filter(|(_, note)| note.is_fresh(hour)).collect())
}

/// Hours since 1970: when exactly somebody was there is nobody's business.
fn this_hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 3600)
}

/// What is kept of one relay in one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Note {
    hour: u64,
    endpoint: [u8; DIGEST],
    other_port: Option<u16>,
    greeting: Greeting,
    met: Option<Met>,
}

/// The words of the file.
const NAMES: [(&str, Name); 2] = [("own", Name::Own), ("none", Name::Nothing)];
const STACKS: [(&str, Stack); 2] = [("usual", Stack::Usual), ("browser", Stack::Browser)];
const SHAPES: [(&str, Shape); 3] =
    [("whole", Shape::Whole), ("records", Shape::Records), ("segments", Shape::RecordsAndSegments)];

impl Note {
    const fn is_fresh(&self, hour: u64) -> bool {
        // A clock that was put back must not keep a note for ever.
        hour.abs_diff(self.hour) <= HOURS
    }

    fn to_json(self) -> Value {
        let name = match self.greeting.name {
            Name::Sibling(number) => json!(number),
            name @ (Name::Own | Name::Public | Name::Nothing) => {
                json!(NAMES.iter().find(|(_, known)| *known == name).map(|(word, _)| *word))
            }
        };
        json!({
            "hour": self.hour,
            "endpoint": BASE64.encode(self.endpoint),
            "port": self.other_port,
            "name": name,
            "shape": SHAPES.iter().find(|(_, known)| *known == self.greeting.shape).map(|(word, _)| *word),
            "stack": STACKS.iter().find(|(_, known)| *known == self.greeting.stack).map(|(word, _)| *word),
            "met": self.met.map(Met::token),
        })
    }

    fn of_json(note: &Value) -> Option<Self> {
        let name = note.get("name")?;
        let name = match name.as_u64() {
            Some(number) => Name::Sibling(number.try_into().ok()?),
            None => NAMES.iter().find(|(word, _)| name == word)?.1,
        };
        let shape = SHAPES.iter().find(|(word, _)| note.get("shape").is_some_and(|shape| shape == word))?.1;
        let stack = STACKS.iter().find(|(word, _)| note.get("stack").is_some_and(|stack| stack == word))?.1;
        let met = note.get("met")?.as_str();
        Some(Self {
            hour: note.get("hour")?.as_u64()?,
            endpoint: BASE64.decode(note.get("endpoint")?.as_str()?).ok()?.try_into().ok()?,
            other_port: note.get("port")?.as_u64().and_then(|port| port.try_into().ok()),
            greeting: Greeting { name, shape, stack },
            met: Met::ALL.into_iter().find(|known| met == Some(known.token())),
        })
    }
}

/// What the file says of one relay.
pub(super) struct Page {
    notes: Arc<Notes>,
    secret: [u8; 32],
}

impl Page {
    /// Keeps what works in this network. What is as the link says needs no note, and what others hide their names with must be
    /// asked for anew.
    pub(super) fn keep(&self, network: Network, winner: Option<(Way, Option<Met>)>) {
        let note = winner.filter(|(way, _)| {
            let as_the_link_says = way.greeting == Greeting::PLAIN && !way.endpoint.other_port;
            !as_the_link_says && way.greeting.name != Name::Public
        });
        let note = note.map(|(way, met)| Note {
            hour: this_hour(),
            endpoint: self.endpoint(&way.endpoint),
            other_port: way.endpoint.other_port.then_some(way.endpoint.address.port()),
            greeting: way.greeting,
            met,
        });
        self.notes.change(self.network(network), note);
    }

    /// Whether a way is known in this network.
    pub(super) fn knows(&self, network: Network) -> bool {
        self.note(network).is_some()
    }

    /// The way that worked in this network, if it leads to one of these endpoints.
    pub(super) fn recall(&self, network: Network, endpoints: &[Endpoint]) -> Option<(Way, Option<Met>)> {
        let note = self.note(network)?;
        let endpoint = endpoints.iter().find(|endpoint| self.endpoint(endpoint) == note.endpoint)?;
        Some((Way { endpoint: *endpoint, greeting: note.greeting }, note.met))
    }

    /// The same where the relay has other addresses by now: the same hello at the first that has the port.
    pub(super) fn recall_alike(&self, network: Network, endpoints: &[Endpoint]) -> Option<(Way, Option<Met>)> {
        let note = self.note(network)?;
        let port = |endpoint: &Endpoint| endpoint.other_port.then_some(endpoint.address.port());
        let endpoint = endpoints.iter().find(|endpoint| port(endpoint) == note.other_port)?;
        Some((Way { endpoint: *endpoint, greeting: note.greeting }, note.met))
    }

    fn note(&self, network: Network) -> Option<Note> {
        self.notes.lock().get(&self.network(network)).copied()
    }

    fn network(&self, network: Network) -> String {
        BASE64.encode(self.digest("network", &format!("{network:?}")))
    }

    fn endpoint(&self, endpoint: &Endpoint) -> [u8; DIGEST] {
        self.digest("endpoint", &format!("{} {}", endpoint.target, endpoint.address))
    }

    fn digest(&self, what: &str, of: &str) -> [u8; DIGEST] {
        let whole = Sha256::new().chain_update(self.secret).chain_update(what).chain_update(of).finalize();
        std::array::from_fn(|index| whole.get(index).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
