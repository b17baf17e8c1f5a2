//! The targets with their corpora, and with what comes of these under a fixed seed.
//!
//! `PASARELA_FUZZ_SECONDS` is how long (2), `PASARELA_FUZZ_SEED` where it begins. A failing input is written to a file; put it
//! into the corpus when it is repaired.

#![cfg(not(target_arch = "wasm32"))]

mod mutate;

use std::{
    fs,
    panic::catch_unwind,
    path::Path,
    time::{Duration, Instant},
};

use pasarela_fuzz::{TARGETS, Target};

struct Seed {
    name: String,
    bytes: Vec<u8>,
}

fn corpus(target: Target) -> Vec<Seed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("{} has no corpus", target.name))
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            Seed { name, bytes: fs::read(path).unwrap() }
        })
        .collect();
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    seeds
}

/// Runs an input and keeps it if it fails.
fn check(target: Target, bytes: &[u8], origin: &str) -> bool {
    catch_unwind(|| (target.run)(bytes)).unwrap_or_else(|_| {
        let path = std::env::temp_dir().join(format!("pasarela-{}-{origin}", target.name));
        fs::write(&path, bytes).unwrap();
        panic!("{} of {}: the input is in {}", origin, target.name, path.display())
    })
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn the_corpora_are_judged_as_their_names_say() {
    for target in TARGETS {
        let corpus = corpus(target);
        assert!(corpus.len() > 3, "{} has a poor corpus", target.name);
        for Seed { name, bytes } in corpus {
            assert!(bytes.len() <= 4 << 10, "{name} is too long");
            let read = check(target, &bytes, &name);
            assert!(read || !name.starts_with("good-"), "{name} of {} is not read", target.name);
            assert!(!read || !name.starts_with("bad-"), "{name} of {} is read", target.name);
        }
    }
}

#[test]
fn no_mutation_does_harm() {
    let first = variable("PASARELA_FUZZ_SEED", 1);
    let corpora = TARGETS.map(|target| (target, corpus(target)));
    let end = Instant::now() + Duration::from_secs(variable("PASARELA_FUZZ_SECONDS", 2));
    let mut seed = first;
    while Instant::now() < end {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (target, corpus) = &corpora[rng.usize(..corpora.len())];
        let others: Vec<_> = corpus.iter().map(|seed| &seed.bytes[..]).collect();
        let input = mutate::mutate(others[rng.usize(..others.len())], &others, &mut rng);
        check(*target, &input, &format!("seed-{seed}"));
        seed += 1;
    }
    println!("{} inputs", seed - first);
}
