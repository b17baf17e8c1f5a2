//! The Android app's tests: its very classes under Robolectric, with the program for this machine behind them; the file that is
//! given away; and the system calls of the program for ARM, under qemu.
//!
//! Not run unless it is asked for: it downloads 420 MB once, of which 220 MB are two frameworks, and 150 MB what draws.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::relay::{Relay, here, text};
use crate::{
    dist::android,
    run::{output, run, step},
    setup::{
        self,
        android::{Tools, class_path},
        musl,
    },
    tree,
};

/// The machine of phones.
const PHONE: &str = "aarch64";

/// How long a phone waits for the bridge: long enough for several attempts.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs all of it.
pub(super) fn run_all() -> Result<()> {
    let tools = setup::android()?;
    tools.fetch("test.sums")?;
    let folder = tree::root().join("target/android");
    let apk = android::signed(&tools, &folder)?;
    step("the unsigned app is the same when it is built again", || {
        let again = android::unsigned(&tools, &tree::root().join("target/android-again"))?;
        ensure!(fs::read(again)? == fs::read(folder.join("unsigned.apk"))?, "it differs");
        Ok(())
    })?;
    step("look at the signed app", || look(&tools, &apk))?;
    step("the program asks phones for no system call that they forbid", system_calls)?;
    step("tests of the app, on Robolectric", || robolectric(&tools, &folder))
}

/// What the system will be told of it.
fn look(tools: &Tools, apk: &Path) -> Result<()> {
    let mut verify = tools.apksigner();
    verify.args(["verify", "--verbose", "--min-sdk-version", "24", "--max-sdk-version", "35"]);
    let verified = output(verify.arg(apk))?;
    let schemes = ["v2 scheme (APK Signature Scheme v2): true", "v3 scheme (APK Signature Scheme v3): true"];
    let badging = output(tools.program("aapt").args(["dump", "badging"]).arg(apk))?;
    let version = tree::of_all_packages("version")?;
    let said = [
        &format!("package: name='org.pasarela.app' versionCode='{}' versionName='{version}'", android::code(&version)?),
        "sdkVersion:'24'",
        "targetSdkVersion:'35'",
        // The neutral name, which the system's own lists show.
        "application: label='Notes'",
        "native-code: 'arm64-v8a'",
        "locales: '--_--' 'ar' 'es' 'fa' 'pt' 'ru' 'tr' 'zh'",
    ];
    for (text, all) in schemes.iter().map(|line| (&verified, *line)).chain(said.iter().map(|line| (&badging, *line))) {
        ensure!(text.contains(all), "nothing says {all:?} in:\n{text}");
    }
    let content = output(tools.program("aapt").arg("list").arg(apk))?;
    for file in ["classes.dex", "lib/arm64-v8a/libpasarela.so"] {
        ensure!(content.lines().any(|line| line == file), "it holds no {file}");
    }
    let permissions: BTreeSet<_> = badging.lines().filter(|line| line.starts_with("uses-permission:")).collect();
    let listed =
        fs::read_to_string(tree::root().join("android/AndroidManifest.xml"))?.matches("<uses-permission").count();
    ensure!(permissions.len() == listed, "the permissions are {permissions:?}");
    Ok(())
}

/// The tests themselves, compiled against the classes that are in the app.
fn robolectric(tools: &Tools, folder: &Path) -> Result<()> {
    let source = tree::root().join("android");
    let (classes, tests) = (folder.join("classes"), folder.join("tests"));
    if tests.exists() {
        fs::remove_dir_all(&tests)?;
    }
    fs::create_dir_all(tests.join("com/android/tools"))?;
    let mut jars = vec![classes, tests.clone()];
    // Robolectric loads its own frameworks; JUnit looks at annotations that name some of the newest.
    jars.push(tools.framework()?);
    jars.extend(tools.listed("test.sums")?);
    let config = format!(
        "android_merged_manifest={}\nandroid_resource_apk={}\nandroid_custom_package=org.pasarela.app\n",
        source.join("AndroidManifest.xml").display(),
        folder.join("base.apk").display()
    );
    fs::write(tests.join("com/android/tools/test_config.properties"), config)?;
    let files = android::java_files(&source.join("test"))?;
    let mut javac = Command::new("javac");
    javac.args(["--release", "17", "-encoding", "UTF-8", "-proc:none", "-Xlint:-options,-classfile", "-d"]).arg(&tests);
    javac.arg("-cp").arg(class_path(&jars));
    run(javac.args(&files))?;
    let mut java = Command::new("java");
    java.args([
        "-Xmx1500m",
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        "--add-opens=java.base/java.io=ALL-UNNAMED",
    ]);
    // The framework as it is, which takes some seconds more and 150 MB less than one that was made ready for Robolectric.
    java.args(["-Drobolectric.offline=true", "-Drobolectric.usePreinstrumentedJars=false"]);
    java.arg(format!("-Drobolectric.dependency.dir={}", frameworks(&jars, folder)?.display()));
    java.arg(format!("-Dpasarela.program={}", android::program_here()?.display()));
    java.arg(format!("-Dpasarela.project={}", source.display()));
    java.arg(format!("-Dpasarela.pages={}", folder.join("res").display()));
    java.arg(format!("-Dpasarela.shots={}", folder.join("shots").display()));
    java.arg("-cp").arg(class_path(&jars)).arg("org.junit.runner.JUnitCore");
    let names = files.iter().filter_map(|file| file.file_stem()?.to_str()).filter(|name| name.ends_with("Test"));
    run(java.args(names.map(|name| format!("org.pasarela.app.{name}"))))
}

/// A folder with the systems that the app is tried on, Android 7 as the oldest and 14, as Robolectric wants to find them.
fn frameworks(jars: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    let into = folder.join("frameworks");
    if into.exists() {
        fs::remove_dir_all(&into)?;
    }
    fs::create_dir_all(&into)?;
    for jar in jars.iter().filter(|jar| setup::android::is_framework(jar)) {
        std::os::unix::fs::symlink(jar, into.join(jar.file_name().context("no name")?))?;
    }
    Ok(into)
}

/// What `bridge`, `check` and `share` ask of the system must be in `android/syscalls.txt`.
fn system_calls() -> Result<()> {
    let traces = tree::root().join("target/android/traces");
    if traces.exists() {
        fs::remove_dir_all(&traces)?;
    }
    fs::create_dir_all(&traces)?;
    let Some(emulator) = musl::Machine::of(PHONE)?.emulator()? else {
        bail!("this machine runs the program by itself; the emulator is what writes system calls down")
    };
    let tracer = Tracer { emulator, program: android::program()?, traces };
    // A relay that is not there, a name that cannot be looked up, and a port that is taken.
    let key = "0123456789abcdef";
    let dead = format!("https://127.0.0.1:9/#{key}");
    let unknown = format!("https://relay.invalid/#{key}");
    tracer.start("check", &["check", "--json", &dead])?.wait()?;
    tracer.start("name", &["check", "--json", "--timeout", "2", &unknown])?.wait()?;
    let picture = tracer.traces.join("code.png");
    tracer.start("share", &["share", "--bridge", "192.168.1.7", "--output", &picture.display().to_string()])?.wait()?;
    // Without a code in them, so that all is tried.
    let mut grey = tracer.start("grey", &["share", "--text", "--grey", "64x64"])?;
    grey.stdin.take().context("no input")?.write_all(&[u8::MAX; 64 * 64])?;
    grey.wait()?;
    bridge(&tracer, &[&dead, &unknown])?;
    carried(&tracer)?;
    let allowed = fs::read_to_string(tree::root().join("android/syscalls.txt"))?;
    let allowed: BTreeSet<_> =
        allowed.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
    let mut used = BTreeSet::new();
    for entry in fs::read_dir(&tracer.traces)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "strace") {
            used.extend(calls(&String::from_utf8_lossy(&fs::read(path)?)));
        }
    }
    ensure!(used.len() > 20, "the traces hold only {used:?}");
    let forbidden: Vec<_> = used.iter().filter(|call| !allowed.contains(call.as_str())).collect();
    ensure!(forbidden.is_empty(), "a phone would kill the program for {forbidden:?}");
    eprintln!("    {} system calls, all allowed", used.len());
    Ok(())
}

/// A bridge that takes a connection, and another that finds the port taken.
fn bridge(tracer: &Tracer, links: &[&str]) -> Result<()> {
    let json = ["bridge", "--json", "--listen", "127.0.0.1:0"];
    let mut child = tracer.start("bridge", &[&json[..], links].concat())?;
    let mut talk = || -> Result<()> {
        let address = listens(&mut child)?;
        tracer.start("taken", &["bridge", "--json", "--listen", &address, links[0]])?.wait()?;
        let mut phone = TcpStream::connect(address)?;
        phone.set_read_timeout(Some(PATIENCE))?;
        phone.write_all(b"WA\x06\x03\x00\x00\x10")?;
        // It ends when no relay was reached, in whatever way.
        let _ = std::io::Read::read(&mut phone, &mut [0]);
        Ok(())
    };
    let result = talk();
    run(Command::new("sh").args(["-c", "kill -TERM \"$0\""]).arg(child.id().to_string()))?;
    child.wait()?;
    result
}

/// A check that gets WhatsApp's own proof, and a bridge that carries another, as the app starts it.
fn carried(tracer: &Tracer) -> Result<()> {
    let relay = Relay::start(&tracer.traces)?;
    let authority = relay.authority();
    let whole = ["check", "--json", "--ca", &authority, "--root", text(&relay.sim, "/root_key")?, &relay.link];
    let proven = tracer.start("proven", &whole)?.wait()?;
    ensure!(proven.success(), "the check ended with {proven}");
    let bridge = ["bridge", "--json", "--end-with-stdin", "--listen", "127.0.0.1:0", &relay.link];
    let mut child = tracer.start("carries", &bridge)?;
    let result =
        listens(&mut child).and_then(|address| relay.check(here("pasarela"), &authority, &["--via", &address]));
    // It ends with this.
    drop(child.stdin.take());
    child.wait()?;
    result
}

/// Where a bridge says that it listens.
fn listens(bridge: &mut Child) -> Result<String> {
    let mut line = String::new();
    BufReader::new(bridge.stdout.as_mut().context("no output")?).read_line(&mut line)?;
    let said: serde_json::Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))?;
    Ok(text(&said, "/listen/0")?.to_owned())
}

/// The program under the emulator, which writes down what it asks of the system.
struct Tracer {
    emulator: PathBuf,
    program: PathBuf,
    /// The folder for what it writes.
    traces: PathBuf,
}

impl Tracer {
    fn start(&self, name: &str, arguments: &[&str]) -> Result<Child> {
        let trace = fs::File::create(self.traces.join(name).with_extension("strace"))?;
        let mut command = Command::new(&self.emulator);
        command.arg("-strace").arg(&self.program).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(trace).spawn().context("cannot start the emulator")
    }
}

/// The names in what `qemu -strace` wrote: `PID name(arguments) = result`, several threads at once.
fn calls(trace: &str) -> BTreeSet<String> {
    let words = trace.lines().filter_map(|line| {
        let (number, rest) = line.split_once(' ')?;
        let (name, _) = rest.split_once('(')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
        (number.bytes().all(|it| it.is_ascii_digit()) && is_name).then(|| name.to_owned())
    });
    words.collect()
}
