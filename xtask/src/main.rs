//! Pasarela's automation: sets a machine up, builds, runs and tests everything, with one command each.
//!
//! It contains nothing of the product. Every command finds or installs what it needs first; see `setup`.

mod run;
mod tree;
mod setup;
mod build;
mod dist;
mod dev;
mod fuzz;
mod lab;
mod deps;
mod test;
mod release;
mod bench;

use std::{process::ExitCode, time::Instant};

use clap::{Parser, Subcommand, ValueEnum};

/// Builds, runs and tests Pasarela.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    after_help = "Examples:\n  cargo xtask dev            everything on this machine, without internet\n  cargo xtask test           all checks and tests, as CI runs them\n  cargo xtask test e2e       one stage of them\n  cargo xtask fuzz link dns --seconds 600\n  cargo xtask lab            what a bridge finds behind which censor\n  cargo xtask lab 5 sni-reset-records --system bare\n  cargo xtask bench          what it costs, beside baselines and peers\n  cargo xtask bench native download echo --peer haproxy --quick\n  cargo xtask bench lines 100ms-1%-2mbit\n  cargo xtask dist edge      a folder that deploys without Rust\n  cargo xtask dist native    the program as static files for Linux, for Windows and macOS\n  cargo xtask dist android   the Android app\n  cargo xtask dist packages  packages of the program for Linux and OpenWrt"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Finds or installs what the other commands need.
    Setup,
    /// Builds the Worker (build/), the native program (target/debug/) or what both show in a browser (target/page/).
    Build {
        /// What to build; everything if not given.
        #[arg(value_enum)]
        what: Option<Part>,
    },
    /// Runs the simulated WhatsApp and the Worker, and proves that a handshake passes through.
    Dev {
        /// The Worker's port; 8787 or, if that is taken, a free one if not given.
        #[arg(long)]
        port: Option<u16>,
    },
    /// Runs every check and test, or only the stages named.
    Test {
        /// Stages to run, in their own order; all but `android`, `windows` and `packages` if none is given.
        #[arg(value_enum)]
        stages: Vec<test::Stage>,
        /// The full sizes of the long tests.
        #[arg(long)]
        soak: bool,
        /// Only end-to-end tests whose name contains this.
        #[arg(long)]
        filter: Option<String>,
    },
    /// Tries the parsers of what strangers send with libFuzzer; needs a C++ compiler.
    Fuzz {
        /// Folders of tests/fuzz/corpus; all if none is given.
        targets: Vec<String>,
        /// How long each is tried, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Tries ours and programs of others behind simulated censors; prints a table and, if all were tried, writes docs/lab. Needs Linux,
    /// and root or user namespaces.
    Lab {
        /// Behaviours by name or number, then flags: --system ours|bare|plain|haproxy|haproxy-raw|websocat|penguin|v2ray-plugin|chisel|
        /// wstunnel|xray|xray-fragment, --line NAME, --whole.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        what: Vec<String>,
    },
    /// Measures the Worker and the native program beside baselines and peers; writes tables, JSON and charts into target/bench.
    Bench(bench::Args),
    /// Sets the version, dates the changelog, commits, and makes what is given away; publishes nothing. See RELEASE.md.
    Release {
        /// Such as 0.2.0.
        version: String,
        /// Only say what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Makes folders to give away.
    Dist {
        /// What to make.
        #[arg(value_enum)]
        what: dist::Folder,
        /// The https:// address of the folder where the release's files will be; for `packages`.
        #[arg(long, value_name = "URL")]
        releases: Option<String>,
    },
}

/// A part of the product that can be built by itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The Worker.
    Edge,
    /// The native program.
    Native,
    /// The page's check.
    Page,
}

fn main() -> ExitCode {
    let start = Instant::now();
    let result = run(Args::parse().command, start);
    run::print_times(start);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, start: Instant) -> anyhow::Result<()> {
    match command {
        Command::Setup => setup::everything(),
        Command::Build { what } => {
            let wanted = |part| what.is_none_or(|what| what == part);
            if wanted(Part::Edge) {
                build::edge(build::Form::Real)?;
            }
            if wanted(Part::Native) {
                build::native()?;
            }
            if what == Some(Part::Page) {
                build::page()?;
            }
            Ok(())
        }
        Command::Dev { port } => dev::run(port, start),
        Command::Test { stages, soak, filter } => test::run(&stages, &test::Options { soak, filter }),
        Command::Fuzz { targets, seconds } => fuzz::run(&targets, seconds),
        Command::Lab { what } => lab::run(&what),
        Command::Bench(args) => bench::run(&args, start),
        Command::Release { version, dry_run } => release::make(&version, dry_run),
        Command::Dist { what, releases } => dist::make(what, releases.as_deref()),
    }
}
