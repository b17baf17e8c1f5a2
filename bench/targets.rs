//! What the relay is held to: ratios or differences between contenders of one run, and a few absolute numbers.
//!
//! It measures nothing.

use super::{
    figures::Figure,
    groups::{CHISEL, Group, HAPROXY, NAIVE, NGINX, PENGUIN, TUNED, V2RAY_PLUGIN, WEBSOCAT, WSTUNNEL, XRAY},
    sizes::{BRIDGE_MEMORY, PROGRAM_SIZE},
    subjects::{CONNECTION_CPU, DOWNLOAD_CPU, ECHO_P50, FIRST_BYTE, IDLE_MEMORY, MESSAGE_CPU, STALLED, UPLOAD_CPU},
    systems::PASARELA,
};

/// A target and what was found.
pub(super) struct Judged {
    pub(super) target: &'static str,
    pub(super) found: f64,
    pub(super) met: bool,
}

/// A number that a target speaks of.
struct Found<'a>(&'a [Figure]);

impl Found<'_> {
    fn figure(&self, group: &str, name: &str) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.group == group && figure.name == name)
    }

    fn median(&self, group: &str, name: &str, of: &str) -> Option<f64> {
        Some(self.figure(group, name)?.row(of)?.median())
    }

    fn ratio(&self, group: Group, name: &str, of: &str, to: &str) -> Option<f64> {
        self.figure(group.name(), name)?.ratio(of, to)
    }

    /// Ours to the best of all other pairs.
    fn to_best_pair(&self, name: &str) -> Option<f64> {
        self.to_best(&[PENGUIN, WEBSOCAT, V2RAY_PLUGIN, CHISEL, XRAY, WSTUNNEL], name)
    }

    /// Ours to the best of those that make a connection a stream, as ours does.
    fn to_best_unshared_pair(&self, name: &str) -> Option<f64> {
        self.to_best(&[WEBSOCAT, XRAY, WSTUNNEL], name)
    }

    fn to_best(&self, peers: &[&str], name: &str) -> Option<f64> {
        let ratios = peers.iter().filter_map(|peer| self.ratio(Group::Pair, name, PASARELA, peer));
        ratios.reduce(f64::max)
    }

    fn to_tuned(&self, name: &str) -> Option<f64> {
        self.ratio(Group::Pipe, name, PASARELA, TUNED)
    }

    fn to_pipe(&self, name: &str) -> Option<f64> {
        self.ratio(Group::Tunnel, name, "tunnel", "pipe")
    }

    fn raw(&self, name: &str, to: &str) -> Option<f64> {
        self.ratio(Group::Raw, name, PASARELA, to)
    }

    fn of_group(&self, group: Group, name: &str) -> Option<f64> {
        self.median(group.name(), name, PASARELA)
    }
}

/// Judges what was measured; a target whose figure is missing is left out.
pub(super) fn judge(figures: &[Figure]) -> Vec<Judged> {
    let found = Found(figures);
    let at_most = |target, found: Option<f64>, limit| Some(Judged { target, found: found?, met: found? <= limit });
    let naive_down = found.ratio(Group::Pipe, DOWNLOAD_CPU, PASARELA, NAIVE);
    let wss = found.ratio(Group::Chat, MESSAGE_CPU, "wss", "tcp");
    let object = found.ratio(Group::Tunnel, DOWNLOAD_CPU, "object", "pipe");
    let own = |name| found.median("program", name, PASARELA);
    [
        at_most("/pipe: download CPU at most 0.63 of tuned's", found.to_tuned(DOWNLOAD_CPU), 0.63),
        at_most("/pipe: download CPU at most 0.2 of naive's", naive_down, 0.2),
        at_most("/pipe: upload CPU at most tuned's", found.to_tuned(UPLOAD_CPU), 1.0),
        at_most("/pipe: echo p50 at most 1.05 of tuned's", found.to_tuned(ECHO_P50), 1.05),
        at_most("/pipe: CPU of a connection at most tuned's", found.to_tuned(CONNECTION_CPU), 1.0),
        at_most("/pipe: memory of an idle connection at most tuned's", found.to_tuned(IDLE_MEMORY), 1.0),
        at_most("/pipe: a stalled reader costs at most 13 MiB", found.of_group(Group::Pipe, STALLED), 13.0),
        at_most("/tunnel: download CPU at most 1.15 of /pipe's", found.to_pipe(DOWNLOAD_CPU), 1.15),
        at_most("/tunnel in an object: download CPU at most 1.1 of /pipe's", object, 1.1),
        at_most("/tunnel: upload CPU at most 1.15 of /pipe's", found.to_pipe(UPLOAD_CPU), 1.15),
        at_most("/tunnel: echo p50 at most 1.15 of /pipe's", found.to_pipe(ECHO_P50), 1.15),
        at_most("/ws/chat: CPU of a message in wss at most 0.1 of tcp's", wss, 0.1),
        at_most("raw port: download CPU at most 0.8 of haproxy's", found.raw(DOWNLOAD_CPU, HAPROXY), 0.8),
        at_most("raw port: upload CPU at most 0.8 of haproxy's", found.raw(UPLOAD_CPU, HAPROXY), 0.8),
        at_most("raw port: download CPU at most nginx's", found.raw(DOWNLOAD_CPU, NGINX), 1.0),
        at_most("raw port: upload CPU at most nginx's", found.raw(UPLOAD_CPU, NGINX), 1.0),
        at_most("raw port: an idle connection takes at most 4 KiB", found.of_group(Group::Raw, IDLE_MEMORY), 4.0),
        at_most("pair: download CPU at most the best other's", found.to_best_pair(DOWNLOAD_CPU), 1.0),
        at_most("pair: upload CPU at most the best other's", found.to_best_pair(UPLOAD_CPU), 1.0),
        at_most("pair: echo p50 at most the best other's", found.to_best_pair(ECHO_P50), 1.0),
        at_most("pair: first byte at most the best other's", found.to_best_pair(FIRST_BYTE), 1.0),
        at_most(
            "pair: memory of an idle connection at most the best other's that shares none",
            found.to_best_unshared_pair(IDLE_MEMORY),
            1.0,
        ),
        at_most("program at most 10 MB", own(PROGRAM_SIZE), 10.0),
        at_most("idle bridge at most 12 MB", own(BRIDGE_MEMORY), 12.0),
    ]
    .into_iter()
    .flatten()
    .collect()
}
