//! What several files of tests use, and nothing else.

/// Whether the full sizes are asked for.
pub(crate) fn soak() -> bool {
    std::env::var_os("PASARELA_SOAK").is_some()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
