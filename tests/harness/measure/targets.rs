//! What the relay is held to, as ratios or differences between Workers of one run.
//!
//! It measures nothing.

use super::{
    figures::{
        DOWNLOAD_CPU, ECHO_P50, IDLE_MEMORY, NAIVE, OURS, PIPE, TCP, TUNED, TUNNEL, TUNNEL_DOWN_CPU, TUNNEL_ECHO_P50,
        TUNNEL_UP_CPU, UPLOAD_64K_CPU, WEB_CPU, WSS,
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
    ]
    .into_iter()
    .flatten()
    .collect()
}
