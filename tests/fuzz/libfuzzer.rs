//! The targets under libFuzzer, one a process: `PASARELA_FUZZ_TARGET` names it. `cargo xtask fuzz` builds and runs this.

#![no_main]

use std::sync::OnceLock;

use pasarela_fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let wanted = std::env::var("PASARELA_FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.into_iter().find(|target| target.name == wanted);
        found.unwrap_or_else(|| panic!("no target `{wanted}` in PASARELA_FUZZ_TARGET"))
    });
    (target.run)(bytes);
});
