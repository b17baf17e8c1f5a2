//! `pasarela-measure`: what the relay costs, beside two Workers in JavaScript that do the same, in one run and in turn; and
//! what the native program costs, beside programs of others.
//!
//! Every Worker runs in its own real workerd with the simulated WhatsApp as its upstream. Ratios are what counts:
//! absolute numbers are this machine's. No byte is checked here; the tests do that.

#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    measure::main()
}

#[cfg(not(target_arch = "wasm32"))]
mod measure {
    /// Clients that load a relay and check nothing.
    mod load;
    /// The same load through a tunnel.
    mod tunnel_load;
    /// Workers in turn, and what their numbers come to.
    mod turns;
    /// The tunnel beside `/pipe`.
    mod tunnels;
    /// Native programs, pinned to a core, and what they are told.
    mod programs;
    /// Clients over plain TCP, as phones are.
    mod tcp_load;
    /// The native program beside its peers.
    mod natives;
    /// What is measured, and how.
    mod figures;
    /// What the relay is held to.
    mod targets;
    /// The table and the JSON.
    mod report;

    use std::process::ExitCode;

    use anyhow::{Context, Result};
    use clap::Parser;
    use pasarela::sim::{Sim, SimConfig};

    use figures::Subject;
    use turns::Bench;

    /// Measures the relay in workerd beside a hand-tuned and a naive Worker in JavaScript, and the native program beside
    /// penguin, websocat and nginx.
    ///
    /// `cargo xtask bench` builds and installs what it takes. Let the machine be otherwise idle: the report tells what others
    /// used meanwhile.
    #[derive(Parser)]
    #[command(
        name = "pasarela-measure",
        after_help = "Examples:\n  pasarela-measure                         everything, some 5 minutes\n  \
                      pasarela-measure --quick download echo   two subjects, roughly\n  pasarela-measure pair raw size           the native program alone\n  \
                      pasarela-measure --json > before.json    for comparing runs"
    )]
    struct Args {
        /// What to measure; everything if nothing is named
        subjects: Vec<Subject>,
        /// Rounds, in each of which every Worker has its turn
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
        rounds: u8,
        /// One short round of everything, for trying out: not to be quoted
        #[arg(long)]
        quick: bool,
        /// JSON on standard output instead of the table
        #[arg(long)]
        json: bool,
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

    /// Thousands of connections have two ends in this process.
    fn raise_open_files() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // If it may not, the subject that needs them says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }

    async fn run(args: Args) -> Result<()> {
        raise_open_files();
        let company = report::Company::watch()?;
        let sim = Sim::start(SimConfig::default()).await.context("cannot start the simulated WhatsApp")?;
        let bench = Bench::new(sim, if args.quick { 1 } else { args.rounds }, args.quick);
        let mut figures = Vec::new();
        for subject in Subject::ALL {
            if args.subjects.is_empty() || args.subjects.contains(&subject) {
                eprintln!("measuring: {}", subject.about());
                figures.extend(figures::measure(subject, &bench).await.with_context(|| subject.about())?);
            }
        }
        let others = company.cores()?;
        let targets = targets::judge(&figures);
        if args.json {
            println!("{:#}", report::json(&figures, &targets, others));
        } else {
            print!("{}", report::table(&figures, &targets, others));
        }
        Ok(())
    }
}
