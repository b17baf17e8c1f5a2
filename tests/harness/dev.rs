//! `pasarela-dev`: the simulated WhatsApp, the Worker in real workerd and a proof that they work together, until Ctrl-C.
//!
//! Started by `cargo xtask dev`, which builds everything first.

#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    dev::main()
}

#[cfg(not(target_arch = "wasm32"))]
mod dev {
    use std::{
        fmt::Write as _,
        net::{Ipv4Addr, TcpListener},
        process::ExitCode,
    };

    use anyhow::{Context, Result};
    use clap::Parser;
    use pasarela_e2e::{
        handshake,
        workerd::{Options, Workerd},
    };
    use pasarela_sim::{Sim, SimConfig};
    use tokio::signal::{
        ctrl_c,
        unix::{SignalKind, signal},
    };

    /// Runs the simulated WhatsApp and the Worker on this machine.
    #[derive(Parser)]
    #[command(name = "pasarela-dev", after_help = "Example:\n  pasarela-dev --port 8787")]
    struct Args {
        /// The Worker's port; 8787 or, if that is taken, a free one if not given
        #[arg(long)]
        port: Option<u16>,
    }

    /// Wrangler's own default, so that a URL once noted stays good.
    const USUAL_PORT: u16 = 8787;

    fn usual_port() -> u16 {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).is_ok();
        if !free {
            println!("Port {USUAL_PORT} is taken, so the Worker gets a free one.");
        }
        if free { USUAL_PORT } else { 0 }
    }

    #[tokio::main]
    pub(super) async fn main() -> ExitCode {
        match run(Args::parse()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    async fn run(args: Args) -> Result<()> {
        let sim = Sim::start(SimConfig::default()).await.context("cannot start the simulated WhatsApp")?;
        let port = args.port.unwrap_or_else(usual_port);
        let options = Options { port, ..Options::towards(&sim) };
        let started = Workerd::start(&options).await;
        let relay = started.with_context(|| format!("cannot start the Worker on port {port}; try --port 0"))?;
        handshake::through(&relay.url("/pipe/chat"), sim.root_key())
            .await
            .context("no handshake through the Worker")?;
        let root = sim.root_key().iter().fold(String::new(), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        println!("The Worker's page    http://{}/#&root={root}", relay.address());
        println!("For a library        {}", relay.url("/ws/chat"));
        println!("The sim's root key   {root}");
        println!("A real Noise handshake through the Worker was verified down to the sim's root key.");
        println!("Ctrl-C stops everything.");
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = ctrl_c() => interrupted?,
            _ = terminated.recv() => {}
        }
        relay.kill().await?;
        sim.shutdown().await;
        println!("Stopped.");
        Ok(())
    }
}
