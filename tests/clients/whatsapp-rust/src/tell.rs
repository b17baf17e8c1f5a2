//! What the driver tells: one JSON object a line on stdout, and the library's log.
//!
//! Warnings and errors of the library become `warning` events; the rest of its log goes to stderr. It decides nothing.

use log::{Level, LevelFilter, Log, Metadata, Record};
use whatsapp_rust::serde_json::{Value, json};

/// Prints one event. `println!` locks stdout for the whole line.
pub(crate) fn tell(event: Value) {
    println!("{event}");
}

struct Warnings;

impl Log for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{}: {}", record.target(), record.args());
        match record.level() {
            Level::Error | Level::Warn => tell(json!({ "event": "warning", "message": line })),
            Level::Info => eprintln!("info {line}"),
            Level::Debug | Level::Trace => {}
        }
    }

    fn flush(&self) {}
}

/// Takes over the library's log; called once.
pub(crate) fn take_log() {
    static WARNINGS: Warnings = Warnings;
    if log::set_logger(&WARNINGS).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
