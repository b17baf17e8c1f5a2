//! The lab's command line.

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the lab needs Linux");
    std::process::exit(1);
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        collections::BTreeSet,
        env,
        io::{self, Write},
        os::unix::process::CommandExt as _,
        path::PathBuf,
        process::{Command, ExitCode},
    };

    use anyhow::{Context, Result, ensure};
    use clap::{Parser, ValueEnum as _};
    use pasarela_e2e::peers::Found;
    use pasarela_lab::{
        NEEDS,
        experiment::{Experiment, NONE},
        line, ratio, report, speeds,
        system::System,
        table,
    };

    /// Tries ways to a relay behind simulated censors and bad lines
    #[derive(Parser)]
    enum Lab {
        /// One experiment; prints what came of it as JSON
        One(Experiment),
        /// Several, and a table
        Table {
            /// Behaviours by name or number [default: all]
            behaviours: Vec<String>,
            /// How WhatsApp is reached; may be repeated [default: all]
            #[arg(long)]
            system: Vec<System>,
            /// The line; may be repeated [default: good, and without a censor all if no behaviour is chosen]
            #[arg(long)]
            line: Vec<String>,
            /// Also fetch 5 MB
            #[arg(long)]
            whole: bool,
            /// Also write it into this file
            #[arg(long)]
            write: Option<PathBuf>,
            /// Only say, in JSON, which programs of others have to be set up for this
            #[arg(long)]
            plan: bool,
        },
        /// First connections without a censor, ours and others in turn, and how they compare
        Ratio {
            /// How many each
            #[arg(long, default_value_t = 30)]
            rounds: u32,
            /// The line
            #[arg(long, default_value = "good")]
            line: String,
            /// Two programs to compare, today's `pasarela` and an older one [default: the one built in, and that with `ways=plain`]
            #[arg(long, num_args = 2, value_names = ["NEWER", "OLDER"])]
            programs: Vec<PathBuf>,
        },
        /// How fast ours and programs of others are on ordinary lines
        Lines {
            /// Lines by name [default: all ordinary ones]
            lines: Vec<String>,
            /// How WhatsApp is reached; may be repeated [default: ours, the official proxy, and all tunnels]
            #[arg(long)]
            system: Vec<System>,
            /// Also write it into this file
            #[arg(long)]
            write: Option<PathBuf>,
            /// Only say, in JSON, which programs of others have to be set up for this
            #[arg(long)]
            plan: bool,
        },
        /// Which behaviours and lines there are
        List,
    }

    pub(super) fn main() -> ExitCode {
        match run(Lab::parse()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn run(lab: Lab) -> Result<()> {
        let mut out = io::stdout().lock();
        match lab {
            Lab::List => write!(out, "{}", table::list())?,
            Lab::Ratio { rounds, line, programs } => {
                let program = env::current_exe()?;
                let two = <[PathBuf; 2]>::try_from(programs).ok();
                write!(out, "{}", block_on(ratio::compare(&program, rounds, &line, two))?)?;
            }
            Lab::Lines { lines, system, write, plan } => {
                let lines = speeds::select(&lines)?;
                let systems = if system.is_empty() { speeds::SYSTEMS.to_vec() } else { system };
                if plan {
                    return say_plan(&mut out, &systems);
                }
                let mut found = Found::read("target/lab")?;
                let systems = table::available(&systems, &mut found);
                let program = env::current_exe()?;
                let text = block_on(speeds::measure(&program, &lines, &systems, &found))?;
                put(&mut out, write, &text)?;
            }
            Lab::One(experiment) => {
                be_root()?;
                serde_json::to_writer(&mut out, &experiment.run()?)?;
                writeln!(out)?;
            }
            Lab::Table { behaviours, system, line, whole, write, plan } => {
                let all_lines = behaviours.is_empty() && line.is_empty();
                let behaviours = table::select(&behaviours)?;
                let systems = if system.is_empty() { System::value_variants().to_vec() } else { system };
                if plan {
                    return say_plan(&mut out, &systems);
                }
                let mut found = Found::read("target/lab")?;
                let systems = table::available(&systems, &mut found);
                let line = if line.is_empty() { vec![line::GOOD.name.to_owned()] } else { line };
                let mut experiments = table::experiments(&behaviours, &systems, &line, whole);
                if all_lines {
                    let bad: Vec<_> = line::LINES.iter().skip(1).map(|line| line.name.to_owned()).collect();
                    experiments.extend(table::experiments(&[NONE.to_owned()], &systems, &bad, whole));
                }
                let program = env::current_exe()?;
                let outcomes = block_on(table::run_all(&program, experiments, table::AT_ONCE))?;
                let text = report::render(&outcomes, &found);
                let text = format!("{}{text}", report::PREAMBLE);
                put(&mut out, write, &text)?;
            }
        }
        Ok(())
    }

    /// On this thread alone.
    fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
    }

    /// Which programs of others these systems need.
    fn say_plan(out: &mut impl Write, systems: &[System]) -> Result<()> {
        let programs: BTreeSet<_> = systems.iter().filter_map(|system| system.program()).collect();
        Ok(writeln!(out, "{}", serde_json::to_string(&programs)?)?)
    }

    /// Prints a table, and writes it into a file if there is one.
    fn put(out: &mut impl Write, file: Option<PathBuf>, text: &str) -> Result<()> {
        if let Some(path) = file {
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(write!(out, "{text}")?)
    }

    /// Starts this program again as root of a namespace of its own, if it is not root here.
    fn be_root() -> Result<()> {
        if rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let unshare = || {
            let mut unshare = Command::new("unshare");
            unshare.args(["--user", "--map-root-user"]);
            unshare
        };
        let tried = unshare().arg("true").output().context(NEEDS)?;
        ensure!(tried.status.success(), "{NEEDS}: {}", String::from_utf8_lossy(&tried.stderr).trim_end());
        Err(unshare().arg(env::current_exe()?).args(env::args_os().skip(1)).exec()).context(NEEDS)
    }
}
