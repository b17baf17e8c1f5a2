//! The packages, looked at by the tools of the systems that they are for, unpacked and run; and made twice.
//!
//! Not run unless it is asked for: compressing takes a minute, and the tools are installed by `apt-get`. What is not to be had here is
//! not asked: apk, opkg and pacman themselves, makepkg, brew, winget, scoop and nix.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    dist::packages,
    run::{output, run, step},
    setup, tree,
};

/// What a manifest is tried with: nobody's, of a kind that a release has.
const RELEASES: &str = "https://releases.example/pasarela/v1";

pub(super) fn run_all() -> Result<()> {
    setup::package_checkers()?;
    let native = packages::programs()?;
    // Not to be given away: they say that releases are where nobody is.
    let [folder, room] = ["tried", "room"].map(|name| tree::root().join("target/packages").join(name));
    packages::make_in(&folder, &native, Some(RELEASES))?;
    let trial = Trial { native, folder, room };
    step("the same bytes when made again", || trial.made_again())?;
    step("deb: lintian, and the program unpacked from it", || trial.deb())?;
    step("rpm: rpmlint, and the program unpacked from it", || trial.rpm())?;
    step("OpenWrt: the contents, and the init script under busybox", || trial.openwrt())?;
    step("Arch and Alpine: the contents", || trial.others())?;
    step("manifests: each read by what reads its language", || trial.manifests())?;
    [&trial.folder, &trial.room].into_iter().try_for_each(|folder| Ok(fs::remove_dir_all(folder)?))
}

struct Trial {
    native: PathBuf,
    folder: PathBuf,
    /// A folder that is made anew for each system.
    room: PathBuf,
}

impl Trial {
    fn made_again(&self) -> Result<()> {
        let again = tree::root().join("target/packages/again");
        packages::make_in(&again, &self.native, Some(RELEASES))?;
        let sums = [&self.folder, &again].map(|folder| fs::read_to_string(folder.join("SHA256SUMS")));
        let [first, second] = sums;
        ensure!(first? == second?, "compare {} and {}", self.folder.display(), again.display());
        Ok(fs::remove_dir_all(again)?)
    }

    fn deb(&self) -> Result<()> {
        let all = self.files(".deb")?;
        run(Command::new("lintian").args(["--allow-root", "--fail-on", "error,warning"]).args(&all))?;
        for deb in all {
            let room = self.empty_room()?;
            run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&room))?;
            has(&room, &ON_SYSTEMD)?;
            has(&room, &["usr/share/doc/pasarela/copyright"])?;
            runs(&room, &deb)?;
            self.installs(&deb)?;
        }
        Ok(())
    }

    /// dpkg itself puts it into an empty root and takes it out again, without its scripts' help.
    fn installs(&self, deb: &Path) -> Result<()> {
        let machine = output(Command::new("dpkg-deb").arg("--field").arg(deb).arg("Architecture"))?;
        if machine != output(Command::new("dpkg").arg("--print-architecture"))? || !crate::run::is_root() {
            return Ok(());
        }
        let room = self.empty_room()?;
        fs::create_dir_all(room.join("var/lib/dpkg/info"))?;
        fs::create_dir_all(room.join("var/lib/dpkg/updates"))?;
        fs::write(room.join("var/lib/dpkg/status"), "")?;
        let dpkg = |words: &[&str]| {
            let mut command = Command::new("dpkg");
            // Scripts would want a shell in there.
            command.arg(format!("--root={}", room.display())).arg("--force-script-chrootless").args(words);
            output(&mut command)
        };
        dpkg(&["--install", &deb.display().to_string()])?;
        let wanted = format!("pasarela {}", tree::of_all_packages("version")?);
        let said = output(Command::new("chroot").arg(&room).args(["/usr/bin/pasarela", "--version"]));
        let said = said.context("the program does not run in a root where nothing else is: is it the static one?")?;
        ensure!(said == wanted, "it says {said:?}");
        dpkg(&["--purge", "pasarela"])?;
        let left =
            output(Command::new("find").arg(&room).args(["-path", "*/var", "-prune", "-o", "-type", "f", "-print"]))?;
        ensure!(left.is_empty(), "it leaves behind:\n{left}");
        Ok(())
    }

    fn rpm(&self) -> Result<()> {
        let all = self.files(".rpm")?;
        let filters = tree::root().join("packaging/linux/rpmlint.toml");
        run(Command::new("rpmlint").arg("--strict").arg("--config").arg(filters).args(&all))?;
        for rpm in all {
            let listed =
                output(Command::new("rpm").args(["--query", "--package", "--list", "--nosignature"]).arg(&rpm))?;
            ensure!(listed.contains("/usr/bin/pasarela\n"), "it has no program:\n{listed}");
            let room = self.empty_room()?;
            let mut unpack = Command::new("sh");
            unpack.args(["-c", "rpm2cpio \"$0\" | cpio --extract --make-directories --quiet"]);
            run(unpack.arg(&rpm).current_dir(&room))?;
            has(&room, &ON_SYSTEMD)?;
            runs(&room, &rpm)?;
        }
        Ok(())
    }

    fn openwrt(&self) -> Result<()> {
        for file in self.files("")?.into_iter().filter(|file| file.to_string_lossy().contains("_openwrt_")) {
            let room = self.empty_room()?;
            unpack(&file, &room)?;
            if file.extension().is_some_and(|ending| ending == "ipk") {
                ensure!(fs::read_to_string(room.join("debian-binary"))? == "2.0\n", "it is no package of format 2.0");
                for part in ["control.tar.gz", "data.tar.gz"] {
                    unpack(&room.join(part), &room)?;
                }
                let (control, name) = (fs::read_to_string(room.join("control"))?, file.to_string_lossy());
                let machine = name.rsplit("_openwrt_").next().and_then(|rest| rest.strip_suffix(".ipk"));
                let machine = machine.context("no machine in its name")?;
                ensure!(control.contains(&format!("Architecture: {machine}\n")), "it is not for {machine}:\n{control}");
            }
            has(&room, &["etc/init.d/pasarela", "etc/config/pasarela"])?;
            for script in ["etc/init.d/pasarela", "prerm", ".pre-deinstall"] {
                let script = room.join(script);
                if script.is_file() {
                    run(Command::new("busybox").args(["sh", "-n"]).arg(script))?;
                }
            }
            runs(&room, &file)?;
        }
        init_script()
    }

    fn others(&self) -> Result<()> {
        for (ending, wanted) in [(".pkg.tar.zst", &ON_SYSTEMD[..]), ("", &["usr/share/man/man1/pasarela.1.gz"])] {
            let all = self.files(ending)?.into_iter();
            for file in all.filter(|file| !ending.is_empty() || file.to_string_lossy().contains("_alpine_")) {
                let room = self.empty_room()?;
                unpack(&file, &room)?;
                has(&room, wanted)?;
                has(&room, &[".PKGINFO"])?;
                runs(&room, &file)?;
            }
        }
        Ok(())
    }

    fn manifests(&self) -> Result<()> {
        const YAML: &str = "import sys, yaml; [yaml.safe_load(open(name)) or sys.exit(name) for name in sys.argv[1:]]";
        let folder = self.folder.join("manifests");
        let readers: [(&str, &[&str]); 6] = [
            ("homebrew/pasarela.rb", &["ruby", "-wc"]),
            ("aur/PKGBUILD", &["bash", "-n"]),
            ("scoop/pasarela.json", &["python3", "-m", "json.tool"]),
            ("winget/Pasarela.Pasarela.yaml", &["python3", "-c", YAML]),
            ("winget/Pasarela.Pasarela.installer.yaml", &["python3", "-c", YAML]),
            ("winget/Pasarela.Pasarela.locale.en-US.yaml", &["python3", "-c", YAML]),
        ];
        for (file, reader) in readers {
            let file = folder.join(file);
            if !file.is_file() {
                eprintln!("    not tried, for its files are not made: {}", file.display());
                continue;
            }
            let (program, words) = reader.split_first().context("no reader")?;
            output(Command::new(program).args(words).arg(&file))?;
        }
        self.aur(&folder.join("aur"))
    }

    /// Its package is what makepkg would make of Debian's, and `.SRCINFO` says what PKGBUILD says.
    fn aur(&self, folder: &Path) -> Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        const PRINT: &str = r#". ./PKGBUILD; printf '%s\n' "$pkgver" "${source_x86_64[0]}" "${sha256sums_x86_64[0]}" "${sha256sums_aarch64[0]}""#;
        let said = output(Command::new("bash").args(["-euc", PRINT]).current_dir(folder))?;
        let listed = fs::read_to_string(folder.join(".SRCINFO"))?;
        let sums = fs::read_to_string(self.folder.join("SHA256SUMS"))?;
        for word in said.lines() {
            ensure!(listed.contains(&format!("= {word}\n")), ".SRCINFO does not say {word}");
            let sum = word.len() == 64;
            ensure!(!sum || sums.contains(word), "no file has the sum {word}");
        }
        Ok(())
    }

    fn files(&self, ending: &str) -> Result<Vec<PathBuf>> {
        let mut files = fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.retain(|file| file.is_file() && file.to_string_lossy().ends_with(ending));
        files.sort();
        ensure!(!files.is_empty(), "no {ending} in {}", self.folder.display());
        Ok(files)
    }

    fn empty_room(&self) -> Result<PathBuf> {
        if self.room.exists() {
            fs::remove_dir_all(&self.room)?;
        }
        fs::create_dir_all(&self.room)?;
        Ok(self.room.clone())
    }
}

/// What a package with systemd's units has beside the program.
const ON_SYSTEMD: [&str; 5] = [
    "etc/pasarela/bridge.env",
    "etc/pasarela/serve.env",
    "usr/lib/systemd/system/pasarela-bridge.service",
    "usr/lib/systemd/system/pasarela-serve.service",
    "usr/share/man/man1/pasarela.1.gz",
];

fn has(room: &Path, files: &[&str]) -> Result<()> {
    for file in files {
        ensure!(room.join(file).is_file(), "it has no {file}");
    }
    Ok(())
}

fn unpack(file: &Path, room: &Path) -> Result<()> {
    let words = ["--warning=no-unknown-keyword", "--extract", "--file"];
    run(Command::new("tar").args(words).arg(file).arg("--directory").arg(room))
}

/// The unpacked program runs, if it is for this machine.
fn runs(room: &Path, package: &Path) -> Result<()> {
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    let here: &[&str] = match std::env::consts::ARCH {
        "x86_64" => &["amd64", "x86_64"],
        "aarch64" => &["arm64", "aarch64"],
        other => bail!("no package is made for {other}"),
    };
    if here.iter().any(|machine| name.contains(machine)) {
        let said = output(Command::new(room.join("usr/bin/pasarela")).arg("--version"))?;
        ensure!(said == format!("pasarela {}", tree::of_all_packages("version")?), "{name} says {said:?}");
    }
    Ok(())
}

/// What procd is told, by the init script itself in busybox's shell, with OpenWrt's functions played by a few lines.
fn init_script() -> Result<()> {
    const PLAY: &str = r#"
        config_load() { :; }
        config_get_bool() { eval "$1=$ENABLED"; }
        config_get() { case $3 in listen) eval "$1=192.0.2.1:5222" ;; host) eval "$1=" ;; esac; }
        config_list_foreach() { for link in $LINKS; do "$3" "$link"; done; }
        logger() { echo "log: $*"; }
        procd_open_instance() { echo open; }
        procd_set_param() { echo "$*"; }
        procd_append_param() { echo "and $*"; }
        procd_close_instance() { echo close; }
        . "$0"
        start_service
    "#;
    let script = tree::root().join("packaging/openwrt/pasarela.init");
    let started = |enabled: &str, links: &str| {
        let mut shell = Command::new("busybox");
        shell.args(["sh", "-c", PLAY]).arg(&script).envs([("ENABLED", enabled), ("LINKS", links)]);
        output(&mut shell)
    };
    let said = started("1", "https://a.example/#0123456789abcdef&sni=none https://b.example/#0123456789abcdef")?;
    for line in [
        "command /usr/bin/pasarela bridge",
        "env PASARELA_LINKS=https://a.example/#0123456789abcdef&sni=none https://b.example/#0123456789abcdef",
        "and env PASARELA_LISTEN=192.0.2.1:5222",
        "user nobody",
        "stdout 1",
        "close",
    ] {
        ensure!(said.lines().any(|said| said == line), "procd is not told {line:?}:\n{said}");
    }
    ensure!(!said.contains("PASARELA_HOST"), "procd is told of an empty host");
    ensure!(started("0", "https://a.example/#0123456789abcdef")?.is_empty(), "it starts though it is off");
    ensure!(started("1", "").is_err(), "it starts without a link");
    Ok(())
}
