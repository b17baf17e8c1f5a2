//! `pasarela-bench`: what the relay costs in workerd beside other Workers that do the same, and what the native program
//! costs beside programs of others, in one run and in turn.
//!
//! Everything runs on this machine, with the simulated WhatsApp behind it. Ratios are what counts: absolute numbers are this
//! machine's. No byte is checked here; the tests do that. `cargo xtask bench` builds and installs what it takes.

/// Who is measured beside ours.
mod table;
/// What the measurements come to.
mod figures;
/// HTTP with two endless bodies.
mod chunked;
/// A client's connection, whatever it speaks.
mod conn;
/// What clients do.
mod load;
/// What media connections look like.
mod media;
/// Files that peers are told by.
mod settings;
/// Native programs.
mod programs;
/// All that are measured, and how they start.
mod systems;
/// The machine and its other work.
mod machine;
/// Contenders in turn.
mod turns;
/// Who is compared with whom.
mod groups;
/// What is measured.
mod subjects;
/// The program's size.
mod sizes;
/// What grows with connections.
mod scale;
/// What the relay is held to.
mod targets;
/// Words, tables, JSON.
mod report;
/// Pictures.
mod chart;

use std::{fs, process::ExitCode, str::FromStr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use pasarela_e2e::{peers::Found, places};
use pasarela_sim::{Sim, SimConfig};
use tokio::signal::unix::{SignalKind, signal};

use groups::Group;
use machine::{Company, Conditions, FOLDER};
use report::Report;
use subjects::Subject;
use systems::{Contender, keep_off};
use table::{Area, Plan, peers};
use turns::Bench;

/// The core that what is measured has for itself.
const CORE: &str = "0";

/// The most that is read at once, in bytes.
const CHUNK: usize = 256 << 10;

/// Measures the relay in workerd beside other Workers, and the native program beside programs of others.
///
/// Writes tables, JSON and charts into target/bench. Let the machine be otherwise idle: the report tells what others used
/// meanwhile.
#[derive(Parser)]
#[command(name = "pasarela-bench")]
struct Args {
    /// edge, native or all, and what to measure of it: download, upload, echo, setup, idle, stall, messages, size, scale;
    /// everything if nothing is named
    what: Vec<Word>,
    /// Only this peer beside ours; may be repeated
    #[arg(long, value_name = "NAME", value_parser = peer)]
    peer: Vec<String>,
    /// Rounds, in each of which everybody has a turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// One short round of everything, for trying out: not to be quoted
    #[arg(long)]
    quick: bool,
    /// Only say, in JSON, what has to be built and set up for this
    #[arg(long)]
    plan: bool,
}

/// One of the table.
fn peer(name: &str) -> Result<String, String> {
    let known: Vec<_> = peers().into_keys().collect();
    if known.iter().any(|known| known == name) {
        Ok(name.to_owned())
    } else {
        Err(format!("one of {}", known.join(", ")))
    }
}

/// A word of the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    All,
    Area(Area),
    Subject(Subject),
}

impl FromStr for Word {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "all" => Ok(Self::All),
            "edge" => Ok(Self::Area(Area::Edge)),
            "native" => Ok(Self::Area(Area::Native)),
            _ => Subject::from_str(word, false).map(Self::Subject).map_err(|_| {
                let subjects = Subject::value_variants().iter().filter_map(ValueEnum::to_possible_value);
                let subjects: Vec<_> = subjects.map(|subject| subject.get_name().to_owned()).collect();
                format!("one of edge, native, all, {}", subjects.join(", "))
            }),
        }
    }
}

impl Args {
    fn is_wanted(&self, area: Area, subject: Subject) -> bool {
        let areas: Vec<_> = self.what.iter().filter(|word| !matches!(word, Word::Subject(_))).collect();
        let subjects: Vec<_> = self.what.iter().filter(|word| matches!(word, Word::Subject(_))).collect();
        (areas.is_empty() || areas.contains(&&Word::All) || areas.contains(&&Word::Area(area)))
            && (subjects.is_empty() || subjects.contains(&&Word::Subject(subject)))
    }

    /// Whether anything of this area is measured.
    fn wants(&self, area: Area) -> bool {
        let mut groups = Group::ALL.into_iter().filter(|group| group.area() == area);
        let alone = area == Area::Native && [Subject::Size, Subject::Scale].iter().any(|it| self.is_wanted(area, *it));
        let of = |group, subject: &&Subject| subject.is_of(group) && self.is_wanted(area, **subject);
        alone || groups.any(|group| Subject::value_variants().iter().any(|subject| of(group, &subject)))
    }

    fn plan(&self) -> Result<Plan> {
        let [edge, native] = [Area::Edge, Area::Native].map(|area| self.wants(area));
        ensure!(edge || native, "nothing to measure: that is the other one's, of edge and native; leave that word out");
        let named = |name: &String| self.peer.is_empty() || self.peer.contains(name);
        let peers = peers().into_keys().filter(named).collect();
        Ok(Plan { edge, native, peers })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let plan = args.plan()?;
    if args.plan {
        println!("{}", serde_json::to_string(&plan)?);
        return Ok(());
    }
    raise_open_files();
    keep_off().await?;
    let (mut interrupted, mut ended) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hung_up = signal(SignalKind::hangup())?;
    // However it ends, what is measured ends with it: all of it is dropped here.
    let report = tokio::select! {
        report = measured(&args) => report?,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = ended.recv() => bail!("ended from outside"),
        _ = hung_up.recv() => bail!("the terminal is gone"),
    };
    write(&report)?;
    print!("{}", report.table());
    let failed = report.troubles.iter().find(|trouble| trouble.ours);
    failed.map_or(Ok(()), |trouble| bail!("{} fails: {}", trouble.who, trouble.what))
}

async fn measured(args: &Args) -> Result<Report> {
    let company = Company::watch()?;
    let sim = Sim::start(SimConfig::default()).await.context("cannot start the simulated WhatsApp")?;
    let bench = Bench::new(sim, args.rounds, args.quick);
    let mut conditions = Conditions::now(bench.rounds(), args.quick, Found::read(FOLDER)?);
    let missing = conditions.peers.missing.clone();
    let wanted = |contender: &Contender| {
        let name = contender.base_name();
        let named = args.peer.is_empty() || args.peer.iter().any(|peer| peer == name);
        contender.is_ours() || (named && !missing.contains_key(name))
    };
    let mut figures = Vec::new();
    for group in Group::ALL {
        let subjects = Subject::value_variants().iter().filter(|subject| subject.is_of(group));
        for subject in subjects.filter(|subject| args.is_wanted(group.area(), **subject)) {
            figures.extend(subjects::measure(&bench, group, *subject, wanted).await?);
        }
    }
    if args.is_wanted(Area::Native, Subject::Size) {
        figures.extend(sizes::measure(&bench).await?);
    }
    let growths = match args.is_wanted(Area::Native, Subject::Scale) {
        true => scale::measure(&bench, wanted).await,
        false => Vec::new(),
    };
    [conditions.others, conditions.stolen] = company.cores(Duration::ZERO)?;
    conditions.again = bench.again();
    let targets = targets::judge(&figures);
    Ok(Report { conditions, figures, growths, targets, troubles: bench.troubles() })
}

/// Thousands of connections have two ends in this process.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it may not, the subject that needs them says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Everything but what the terminal shows, into the folder.
fn write(report: &Report) -> Result<()> {
    let folder = places::root().join(FOLDER);
    fs::create_dir_all(&folder)?;
    let put = |name: &str, text: String| {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {FOLDER}/{name}"))
    };
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(path)?;
        }
    }
    put("bench.json", format!("{:#}\n", report.json()))?;
    put("bench.md", report.markdown())?;
    for (group, figures) in report.groups() {
        put(&format!("{}.svg", report::file_name(group)), chart::bars(group, &figures, &report.conditions))?;
    }
    let highlights = report.highlights();
    if !highlights.is_empty() {
        put("short.svg", chart::short(&highlights, &report.conditions))?;
    }
    if !report.growths.is_empty() {
        put("growth.svg", chart::lines(&report.growths, &report.conditions))?;
    }
    eprintln!("written: {FOLDER}/bench.md, bench.json and charts");
    Ok(())
}
