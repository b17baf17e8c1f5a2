//! What the relay is held to: ratios or differences between contenders of one run, and a few absolute numbers.
//!
//! It measures nothing.

use super::{
    figures::{
        DOWNLOAD_CPU, ECHO_P50, IDLE_MEMORY, NAIVE, OURS, PIPE, TCP, TUNED, TUNNEL, TUNNEL_DOWN_CPU, TUNNEL_ECHO_P50,
        TUNNEL_UP_CPU, UPLOAD_64K_CPU, WEB_CPU, WSS,
    },
    natives::{
        BRIDGE_MEMORY, NGINX, PAIR_DOWN_CPU, PAIR_ECHO_P50, PAIR_UP_CPU, PASARELA, PENGUIN, PROGRAM_SIZE, RAW_DOWN_CPU,
        RAW_MEMORY, RAW_UP_CPU, WEBSOCAT,
    },
    turns::Figure,
};

/// A target and what was found.
pub(super) struct Judged {
    pub(super) target: &'static str,
    pub(super) found: f64,
    pub(super) met: bool,
}

/// Judges what was measured; a target whose figure is missing is left out.
pub(super) fn judge(figures: &[Figure]) -> Vec<Judged> {
    let figure = |name| figures.iter().find(|figure| figure.name == name);
    let ratio = |name, of, to| figure(name)?.ratio(of, to);
    let beyond = |name, of, than| {
        let figure = figure(name)?;
        Some(figure.row(of)?.median() - figure.row(than)?.median())
    };
    let median = |name| Some(figure(name)?.row(PASARELA)?.median());
    // The peer that needs less, whichever it is.
    let to_better = |name| {
        let to = [PENGUIN, WEBSOCAT].into_iter().filter_map(|peer| ratio(name, PASARELA, peer));
        to.reduce(f64::max)
    };
    let at_most = |target, found: Option<f64>, limit| Some(Judged { target, found: found?, met: found? <= limit });
    let at_least = |target, found: Option<f64>, limit| Some(Judged { target, found: found?, met: found? >= limit });
    [
        at_most("download CPU at most tuned's", ratio(DOWNLOAD_CPU, OURS, TUNED), 1.0),
        at_most("download CPU at most 1/5 of naive's", ratio(DOWNLOAD_CPU, OURS, NAIVE), 0.2),
        at_most("upload CPU in 64 KiB messages at most tuned's", ratio(UPLOAD_64K_CPU, OURS, TUNED), 1.0),
        at_most("echo p50 at most 1.15 of tuned's", ratio(ECHO_P50, OURS, TUNED), 1.15),
        at_least("/ws/chat CPU a message, tcp at least 10 times wss", ratio(WEB_CPU, TCP, WSS), 10.0),
        at_most("tunnel's download CPU at most 1.15 of /pipe's", ratio(TUNNEL_DOWN_CPU, TUNNEL, PIPE), 1.15),
        at_most("tunnel's upload CPU at most 1.15 of /pipe's", ratio(TUNNEL_UP_CPU, TUNNEL, PIPE), 1.15),
        at_most("tunnel's echo p50 at most 1.1 of /pipe's", ratio(TUNNEL_ECHO_P50, TUNNEL, PIPE), 1.1),
        at_most("idle memory at most 16 KiB beyond tuned's", beyond(IDLE_MEMORY, OURS, TUNED), 16.0),
        at_most("pair's download CPU at most the better peer's", to_better(PAIR_DOWN_CPU), 1.0),
        at_most("pair's download CPU at most 0.8 ms/MiB", median(PAIR_DOWN_CPU), 0.8),
        at_most("pair's upload CPU at most the better peer's", to_better(PAIR_UP_CPU), 1.0),
        at_most("pair's upload CPU at most 0.8 ms/MiB", median(PAIR_UP_CPU), 0.8),
        at_most("pair's echo p50 at most the better peer's", to_better(PAIR_ECHO_P50), 1.0),
        at_most("raw port's download CPU at most nginx's", ratio(RAW_DOWN_CPU, PASARELA, NGINX), 1.0),
        at_most("raw port's upload CPU at most nginx's", ratio(RAW_UP_CPU, PASARELA, NGINX), 1.0),
        at_most("raw port's idle connection at most 4 KiB", median(RAW_MEMORY), 4.0),
        at_most("program at most 10 MB", median(PROGRAM_SIZE), 10.0),
        at_most("idle bridge at most 12 MB", median(BRIDGE_MEMORY), 12.0),
    ]
    .into_iter()
    .flatten()
    .collect()
}
