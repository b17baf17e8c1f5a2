//! The `pasarela` program: calls [`pasarela::cli::main`], which does everything.

#[cfg(not(target_arch = "wasm32"))]
#[global_allocator]
static MEMORY: pasarela::memory::Memory = pasarela::memory::Memory::new();

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    pasarela::cli::main()
}

/// Only so that the whole workspace builds for the Worker's target.
#[cfg(target_arch = "wasm32")]
fn main() {}
