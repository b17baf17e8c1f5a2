//! The `pasarela-sim` program: starts the simulated WhatsApp, says where it listens, waits for the end.

/// Only so that the whole workspace builds for the Worker's target.
#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    program::main()
}

#[cfg(not(target_arch = "wasm32"))]
mod program {
    use std::{
        io::{self, Write},
        net::SocketAddr,
        process::ExitCode,
    };

    use clap::Parser;
    use pasarela_sim::{Delivery, Sim, SimConfig};
    use serde_json::json;
    use tracing_subscriber::EnvFilter;

    const EXAMPLES: &str = "\
Examples:
  pasarela-sim
      Listens on free ports of the loopback interface and prints them.
  pasarela-sim --json --seed 1
      One line of JSON for scripts; the same root key at every start.
  pasarela-sim --chat 127.0.0.1:5222 --web 127.0.0.1:8080 --delivery bytes:1
      Fixed addresses; raw TCP answers come one byte a segment.

Ends on Ctrl-C or SIGTERM. RUST_LOG=pasarela_sim=debug says what it does.";

    /// A simulated WhatsApp to test against
    ///
    /// Chat over raw TCP, chat over WebSocket, and a TLS media host, with a Noise root key and a
    /// certificate authority of its own, both printed at the start. Real clients reach the pairing
    /// QR code against it. It needs no internet.
    #[derive(Debug, Parser)]
    #[command(name = "pasarela-sim", version, after_long_help = EXAMPLES)]
    struct Args {
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

    #[tokio::main]
    pub(super) async fn main() -> ExitCode {
        let args = Args::parse();
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("pasarela_sim=warn"));
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
        match run(args).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let hint = "another address, or port 0, for the listener that is named here";
                eprintln!("error: cannot start the simulator: {error}\n  try: {hint}");
                ExitCode::FAILURE
            }
        }
    }

    async fn run(args: Args) -> io::Result<()> {
        let Args { chat, web, media, delivery, seed, json } = args;
        let sim = Sim::start(SimConfig { chat, web, media, delivery, seed }).await?;
        // Before anything is said: who has read it may send the signal at once.
        let end = end()?;
        let said = if json { format!("{}\n", description(&sim)) } else { for_people(&sim) };
        // Whoever should read it may have gone; that is no reason to end.
        let _ = io::stdout().write_all(said.as_bytes());
        end.await;
        sim.shutdown().await;
        Ok(())
    }

    /// Ready at Ctrl-C or SIGTERM.
    #[cfg(unix)]
    fn end() -> io::Result<impl Future<Output = ()>> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }

    #[cfg(not(unix))]
    fn end() -> io::Result<impl Future<Output = ()>> {
        Ok(async { drop(tokio::signal::ctrl_c().await) })
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

    fn for_people(sim: &Sim) -> String {
        let (chat, web, media, root) = (sim.chat(), sim.web_url(), sim.media(), hex(sim.root_key()));
        let lines = [
            format!("chat, raw TCP     {chat}"),
            format!("chat, WebSocket   {web}"),
            format!("media, TLS        {media}"),
            format!("root key          {root}"),
            format!("certificate authority of the TLS host:\n{}", sim.ca_pem()),
            "Ends on Ctrl-C.\n".to_owned(),
        ];
        lines.join("\n")
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

        #[test]
        fn delivery_is_read() {
            let parse = |args: &[&str]| Args::try_parse_from(args).is_ok();
            assert!(parse(&["pasarela-sim"]));
            assert!(parse(&["pasarela-sim", "--delivery", "bytes:1", "--json"]));
            assert!(!parse(&["pasarela-sim", "--delivery", "bytes:0"]));
        }
    }
}
