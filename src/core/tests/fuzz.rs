//! What a peer may send, mutated from a corpus under a fixed seed: control messages, upgrades, and whole transcripts that
//! drive either end of a tunnel.
//!
//! `PASARELA_FUZZ_SECONDS` is how long (2), `PASARELA_FUZZ_SEED` where it begins. The corpus, `corpus/`, is replayed first:
//! `good-` must be read, `bad-` must not, the others need only do no harm. A failing input is written to a file; put it
//! into the corpus when it is repaired.

mod span;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/transcript.rs"]
mod transcript;

use std::{
    fs,
    panic::catch_unwind,
    path::Path,
    time::{Duration, Instant},
};

use pasarela_core::{
    limits,
    tunnel::{
        message::Control,
        upgrade::{self, Request},
    },
};

/// What an input is; the end of its file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Upgrade,
    Relay,
    Client,
}

struct Seed {
    name: String,
    kind: Kind,
    bytes: Vec<u8>,
}

fn corpus() -> Vec<Seed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| seed(&entry.unwrap().path())).collect();
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(seeds.len() > 20, "the corpus is not there");
    seeds
}

fn seed(path: &Path) -> Seed {
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Kind::Message,
        Some("upgrade") => Kind::Upgrade,
        Some("relay") => Kind::Relay,
        Some("client") => Kind::Client,
        other => panic!("no input ends in {other:?}"),
    };
    let mut bytes = fs::read(path).unwrap();
    if matches!(kind, Kind::Message | Kind::Upgrade) && bytes.ends_with(b"\n") {
        bytes.pop();
    }
    Seed { name: path.file_name().unwrap().to_string_lossy().into_owned(), kind, bytes }
}

/// Runs one input; whether it was read. Panics if something does not hold.
fn run(kind: Kind, bytes: &[u8]) -> bool {
    // A text message is text, and so is a header: what carries them sees to it.
    let text = String::from_utf8_lossy(bytes);
    match kind {
        Kind::Message => message(&text),
        Kind::Upgrade => upgrade(&text),
        Kind::Relay => transcript::relay(&text),
        Kind::Client => transcript::client(&text),
    }
}

fn message(text: &str) -> bool {
    let read = Control::decode(text);
    assert!(text.len() <= limits::CONTROL || read.is_err(), "a message of {} bytes is read", text.len());
    if let Ok(Some(control)) = &read {
        let written = control.encode();
        assert_eq!(Control::decode(&written), Ok(Some(control.clone())), "{written}");
    }
    read.is_ok()
}

fn upgrade(header: &str) -> bool {
    let Ok(request) = upgrade::decode(header) else { return false };
    assert!(upgrade::is_offered(header));
    let written = match &request {
        Request::Open(open, early) => {
            assert!(open.window >= limits::WINDOW_MIN && early.len() <= limits::EARLY_DATA);
            upgrade::encode(&Control::Open(open.clone()), early)
        }
        Request::Resume(resume) => {
            assert!(resume.window >= limits::WINDOW_MIN);
            upgrade::encode(&Control::Resume(resume.clone()), &[])
        }
    };
    assert_eq!(upgrade::decode(&written), Ok(request), "{written}");
    true
}

/// Runs an input and keeps it if it fails.
fn check(kind: Kind, bytes: &[u8], origin: &str) -> bool {
    catch_unwind(|| run(kind, bytes)).unwrap_or_else(|_| {
        let path = std::env::temp_dir().join(format!("pasarela-{origin}.{kind:?}").to_lowercase());
        fs::write(&path, bytes).unwrap();
        panic!("{origin}: the input is in {}", path.display())
    })
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn the_corpus_is_judged_as_its_names_say() {
    for Seed { name, kind, bytes } in corpus() {
        assert!(bytes.len() <= 4 << 10, "{name} is too long");
        let read = check(kind, &bytes, &name);
        assert!(read || !name.starts_with("good-"), "{name} is not read");
        assert!(!read || !name.starts_with("bad-"), "{name} is read");
    }
}

#[test]
fn no_mutation_does_harm() {
    let (corpus, first) = (corpus(), variable("PASARELA_FUZZ_SEED", 1));
    let end = Instant::now() + Duration::from_secs(variable("PASARELA_FUZZ_SECONDS", 2));
    let mut seed = first;
    while Instant::now() < end {
        let mut rng = fastrand::Rng::with_seed(seed);
        let base = &corpus[rng.usize(..corpus.len())];
        let others: Vec<_> = corpus.iter().filter(|other| other.kind == base.kind).map(|it| &it.bytes[..]).collect();
        let input = mutate::mutate(&base.bytes, &others, &mut rng);
        check(base.kind, &input, &format!("fuzz-{seed}"));
        seed += 1;
    }
    println!("{} inputs", seed - first);
}
