//! A compiler for wasm32-unknown-unknown, which the Worker is.
//!
//! Where it comes from is `sysroot`'s part.

use anyhow::Result;

use super::sysroot::{Recipe, Toolchain};

pub(super) fn find_or_install() -> Result<Toolchain> {
    let recipe = Recipe {
        name: "wasm",
        targets: &["wasm32-unknown-unknown"],
        crates: "std,panic_abort,panic_unwind,test,proc_macro",
        panic: "unwind",
        objects: &[],
    };
    recipe.find_or_install()
}
