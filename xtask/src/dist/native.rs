//! The program as one static file for each machine: target/dist/native.
//!
//! Built by cargo-zigbuild with musl, so that it runs on any Linux, in an empty container and in Termux. Every file is
//! tried in a root folder where nothing else is: no libraries, no resolv.conf, no certificates. What it takes to build is
//! `setup`'s part.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    build,
    run::{is_root, output, run, step},
    setup::{self, musl::Machine},
    tree,
};

/// The emulator on a busy machine needs a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it may hold, in KiB, an emulator included: small routers have 64 MiB.
const MEMORY_MAX: u64 = 64 << 10;

/// What only the program of tests has.
const INSTRUMENT: &[u8] = b"x-instrument";

/// Builds, tries and collects the program for these machines.
pub(super) fn make(machines: &[&'static Machine]) -> Result<PathBuf> {
    let built = machines.iter().map(|machine| built(machine)).collect::<Result<Vec<_>>>()?;
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (machine, built) in machines.iter().zip(&built) {
        let file = folder.join(name(machine.name));
        collect(built, &file)?;
        step(&format!("try {} in an empty root folder", name(machine.name)), || {
            let room = Room::of(machine)?;
            room.tells_its_version()?;
            room.serves()
        })?;
    }
    sum(&folder)?;
    Ok(folder)
}

/// Copies a program to where it is given away from, unless it is one for tests.
pub(super) fn collect(built: &Path, file: &Path) -> Result<()> {
    let size = fs::copy(built, file).with_context(|| format!("no {}", built.display()))?;
    eprintln!("    {}: {:.1} MB", file.display(), size as f64 / 1e6);
    let instrumented = fs::read(file)?.windows(INSTRUMENT.len()).any(|bytes| bytes == INSTRUMENT);
    ensure!(!instrumented, "{} panics when it is told to", file.display());
    Ok(())
}

/// Writes `SHA256SUMS` of all that is in the folder.
pub(super) fn sum(folder: &Path) -> Result<()> {
    const SUMS: &str = "SHA256SUMS";
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<Result<BTreeSet<_>>>()?;
    let files = names.iter().filter(|name| *name != SUMS && folder.join(name).is_file());
    let sums = output(Command::new("sha256sum").args(files).current_dir(folder))?;
    fs::write(folder.join(SUMS), sums + "\n")?;
    Ok(())
}

/// The profile for phones and small routers. People at risk carry no more than they need: with it, the program deploys no relays.
pub(super) const LEAN: &str = "phone";

/// The profile of what is given away for a machine.
/// The program for this machine, as it is given away and as the sources are now.
pub(super) fn built(machine: &'static Machine) -> Result<PathBuf> {
    build(machine, profile(machine))?;
    Ok(program(machine, profile(machine)))
}

fn profile(machine: &Machine) -> &'static str {
    if is_routers(machine) { LEAN } else { "dist" }
}

/// Whether its processor is in routers alone, with little room.
fn is_routers(machine: &Machine) -> bool {
    machine.name.starts_with("mips")
}

/// Builds it alone, in a profile of Cargo.toml, with the Worker in it for whoever may deploy one.
pub(super) fn build(machine: &'static Machine, profile: &str) -> Result<()> {
    let lean = profile == LEAN;
    if lean {
        build::page()?
    } else {
        build::edge(build::Form::Real)?
    };
    let tools = setup::static_linux(machine)?;
    step(&format!("build the static program for {} (some minutes the first time)", machine.name), || {
        let build = ["--package", "pasarela", "--bin", "pasarela", "--profile", profile];
        let mut zigbuild = tools.zigbuild();
        zigbuild.args(build).args(lean.then_some("--no-default-features"));
        run(zigbuild.arg("--target-dir").arg(tree::root().join("target/static")))
    })
}

/// Where it then is.
pub(super) fn program(machine: &Machine, profile: &str) -> PathBuf {
    tree::root().join("target/static").join(machine.target).join(profile).join("pasarela")
}

/// Where the programs that are given away are.
fn folder() -> PathBuf {
    tree::root().join("target/dist/native")
}

/// How its file is called.
pub(crate) fn name(machine: &str) -> String {
    format!("pasarela-{machine}-linux")
}

/// A folder that a program takes for the root: with the program, the emulator if it needs one, and nothing else.
pub(crate) struct Room {
    folder: PathBuf,
    emulated: bool,
    randomness: bool,
}

impl Room {
    /// For the program that is given away.
    pub(crate) fn of(machine: &Machine) -> Result<Self> {
        let emulator = machine.emulator()?;
        let folder = tree::root().join("target/static/room");
        let room = Self::furnish(&folder, &self::folder().join(name(machine.name)), emulator.as_deref())?;
        if is_routers(machine) { room.with_randomness() } else { Ok(room) }
    }

    fn furnish(folder: &Path, program: &Path, emulator: Option<&Path>) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        fs::copy(program, folder.join("pasarela"))?;
        if let Some(emulator) = emulator {
            fs::copy(emulator, folder.join("qemu")).with_context(|| format!("no {}", emulator.display()))?;
        }
        Ok(Self { folder: folder.to_path_buf(), emulated: emulator.is_some(), randomness: false })
    }

    /// Puts the system's randomness into it. AWS-LC knows no `getrandom` of such a processor, and reads the device, which every system has.
    fn with_randomness(mut self) -> Result<Self> {
        fs::create_dir_all(self.folder.join("dev"))?;
        fs::write(self.folder.join("dev/urandom"), "")?;
        self.randomness = true;
        Ok(self)
    }

    /// The program in the room.
    pub(crate) fn command(&self) -> Command {
        let mut command = if self.randomness {
            const ENTER: &str = r#"mount --bind /dev/urandom "$0/dev/urandom" && exec chroot "$0" "$@""#;
            let mut command = Command::new("unshare");
            command.args((!is_root()).then_some("--map-root-user")).args(["--mount", "sh", "-c", ENTER]);
            command
        } else if is_root() {
            Command::new("chroot")
        } else {
            // Everybody may do so in a user namespace, where the system allows these.
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "--root"]);
            command
        };
        command.arg(&self.folder);
        if self.emulated {
            command.arg("/qemu");
        }
        command.arg("/pasarela");
        command
    }

    fn tells_its_version(&self) -> Result<()> {
        let version = output(self.command().arg("--version"))?;
        // Not this program's own: it may be older than what it has just built.
        let wanted = tree::of_all_packages("version")?;
        ensure!(version == format!("pasarela {wanted}"), "--version printed {version:?}");
        Ok(())
    }

    /// `pasarela serve` starts, listens and ends when it is told to.
    fn serves(&self) -> Result<()> {
        let mut command = self.command();
        command
            .args(["serve", "--open", "--json", "--listen", "127.0.0.1:0", "--phones", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start pasarela serve")?;
        let result = talk(&mut child);
        if result.is_err() {
            // It may have ended by itself, which is then what the error tells.
            let _ = child.kill();
        }
        let status = child.wait()?;
        result?;
        ensure!(status.success(), "pasarela serve ended with {status}");
        Ok(())
    }
}

/// Reads where the server listens, connects there, and asks it to end.
fn talk(child: &mut Child) -> Result<()> {
    let line = first_line(child.stdout.take().context("no standard output")?)?;
    let said: serde_json::Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line:?}"))?;
    for listener in ["/http", "/phones/0"] {
        let address = said.pointer(listener).and_then(serde_json::Value::as_str).with_context(|| line.clone())?;
        let address: SocketAddr = address.parse()?;
        TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("{listener} does not listen"))?;
    }
    has_room(child.id())?;
    run(Command::new("sh").args(["-c", "kill -TERM \"$0\""]).arg(child.id().to_string()))
}

/// Fails if a process ever held more than a small router has, an emulator included.
pub(crate) fn has_room(process: u32) -> Result<()> {
    let held = held(process)?;
    ensure!(held <= MEMORY_MAX, "it held {held} KiB");
    eprintln!("    held at most {:.1} MB", held as f64 * 1024.0 / 1e6);
    Ok(())
}

/// The most memory that a process ever held, in KiB.
fn held(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(most.trim().trim_end_matches(" kB").parse()?)
}

fn first_line(output: ChildStdout) -> Result<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        // Nobody waits any longer when this fails.
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver.recv_timeout(PATIENCE).context("pasarela serve says nothing")??;
    if line.is_empty() {
        bail!("pasarela serve ended at once; what it said is above");
    }
    Ok(line)
}
