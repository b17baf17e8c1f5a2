//! `pasarela sim`: starts [`crate::sim`], says where it listens, waits for the end.

use std::net::SocketAddr;

use serde_json::json;

use super::{Failure, signal};
use crate::sim::{Delivery, Sim, SimConfig};

const EXAMPLES: &str = "\
Examples:
  pasarela sim
      Listens on free ports of the loopback interface and prints them.
  pasarela sim --json --seed 1
      One line of JSON for scripts; the same root key at every start.
  pasarela sim --chat 127.0.0.1:5222 --web 127.0.0.1:8080 --delivery bytes:1
      Fixed addresses; raw TCP answers come one byte a segment.

Ends on Ctrl-C or SIGTERM.";

// Its help text is the command's, in `super::Command`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where chat listens on raw TCP; port 0 takes a free one
    #[arg(long, env = "PASARELA_SIM_CHAT", default_value = "127.0.0.1:0")]
    chat: SocketAddr,

    /// Where chat listens on WebSocket, at /ws/chat
    #[arg(long, env = "PASARELA_SIM_WEB", default_value = "127.0.0.1:0")]
    web: SocketAddr,

    /// Where the TLS media host listens
    #[arg(long, env = "PASARELA_SIM_MEDIA", default_value = "127.0.0.1:0")]
    media: SocketAddr,

    /// How raw TCP delivers: frame, coalesced, bytes:N, delayed:MS, cut:N, silent or deaf
    #[arg(long, env = "PASARELA_SIM_DELIVERY", default_value = "frame")]
    delivery: Delivery,

    /// Makes the Noise keys from this number, for tests only; else from the system's randomness
    #[arg(long, env = "PASARELA_SIM_SEED")]
    seed: Option<u64>,

    /// Print one line of JSON: chat, web, web_url, media, root_key, ca_pem
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let config =
        SimConfig { chat: args.chat, web: args.web, media: args.media, delivery: args.delivery, seed: args.seed };
    let sim = Sim::start(config).await.map_err(|cause| Failure {
        what: "cannot start the simulator".to_owned(),
        cause: cause.into(),
        hint: "another address or port 0 for the listener that is named here",
    })?;
    // Before anything is said: who has read it may send the signal at once.
    let end = signal::end()?;
    if args.json {
        println!("{}", description(&sim));
    } else {
        print_for_people(&sim);
    }
    end.await;
    sim.shutdown().await;
    Ok(())
}

fn description(sim: &Sim) -> serde_json::Value {
    json!({
        "chat": sim.chat(),
        "web": sim.web(),
        "web_url": sim.web_url(),
        "media": sim.media(),
        "root_key": hex(sim.root_key()),
        "ca_pem": sim.ca_pem(),
    })
}

fn print_for_people(sim: &Sim) {
    println!("chat, raw TCP     {}", sim.chat());
    println!("chat, WebSocket   {}", sim.web_url());
    println!("media, TLS        {}", sim.media());
    println!("root key          {}", hex(sim.root_key()));
    println!("certificate authority of the TLS host:\n{}", sim.ca_pem());
    println!("Ends on Ctrl-C.");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_description_is_one_line_with_all_of_it() {
        let sim = Sim::start(SimConfig::default()).await.expect("starts");
        let line = description(&sim).to_string();
        assert!(!line.contains('\n'));
        for key in ["chat", "web", "web_url", "media", "root_key", "ca_pem"] {
            assert!(line.contains(&format!("\"{key}\":")), "{key} in {line}");
        }
        sim.shutdown().await;
    }
}
