//! House rules that no compiler holds: file docs, file length, imports that go one way, no std in the core, no other host
//! in the page's check.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::places::root;

/// The order of modules.
mod order;
/// The map of the code in `src/README.md`.
mod map;

/// Every Rust file of the project, with its text.
fn sources() -> Result<Vec<(PathBuf, String)>> {
    collected(&["src", "lab", "tests", "bench", "xtask"], "rs", 50)
}

/// Every script, the same.
fn scripts() -> Result<Vec<(PathBuf, String)>> {
    let mut scripts = collected(&["src", "www", "tests", "bench"], "mjs", 5)?;
    scripts.extend(collected(&["www"], "js", 1)?);
    Ok(scripts)
}

fn collected(folders: &[&str], extension: &str, some: usize) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&root().join(folder), extension, &mut files)?;
    }
    ensure!(files.len() > some, "only {} files found: this test looks in the wrong place", files.len());
    Ok(files)
}

fn collect(folder: &Path, wanted: &str, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && name != "node_modules" {
            collect(&path, wanted, files)?;
        } else if path.extension().is_some_and(|extension| extension == wanted) {
            let text = fs::read_to_string(&path)?;
            files.push((path, text));
        }
    }
    Ok(())
}

/// Fails with every Rust file that breaks the rule.
fn check(rule: &str, breaks: impl Fn(&Path, &str) -> bool) -> Result<()> {
    check_all(sources()?, rule, breaks)
}

fn check_all(files: Vec<(PathBuf, String)>, rule: &str, breaks: impl Fn(&Path, &str) -> bool) -> Result<()> {
    let broken: Vec<_> = files.into_iter().filter(|(path, text)| breaks(path, text)).map(|(path, _)| path).collect();
    ensure!(broken.is_empty(), "{rule}: {broken:#?}");
    Ok(())
}

/// The path from the project's root: above that anything may be called anything.
fn own(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}

#[test]
fn no_crate_is_left_out() -> Result<()> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let members =
        manifest.split("\nmembers = [").nth(1).and_then(|rest| rest.split(']').next()).context("no members")?;
    let sources = sources()?;
    for member in members.split(',').map(|member| member.trim().trim_matches('"')).filter(|member| !member.is_empty()) {
        ensure!(sources.iter().any(|(path, _)| own(path).starts_with(member)), "{member} is not looked at");
    }
    Ok(())
}

#[test]
fn every_file_opens_with_what_it_does() -> Result<()> {
    check("a file begins with //!", |_, text| !text.starts_with("//! "))?;
    check_all(scripts()?, "a script begins with //", |_, text| {
        let own = text.strip_prefix("#!/usr/bin/env node\n").unwrap_or(text);
        !own.starts_with("// ")
    })
}

#[test]
fn no_file_is_longer_than_400_lines() -> Result<()> {
    let files = sources()?.into_iter().chain(scripts()?).collect();
    check_all(files, "a file has at most 400 lines", |_, text| text.lines().count() > 400)
}

#[test]
fn the_pages_scripts_name_no_host_evaluate_nothing_and_store_nothing() -> Result<()> {
    let words =
        ["eval(", "Function(", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "Storage", "cookie"];
    let hosts = |text: &str| {
        let mut parts = text.split("://").skip(1);
        parts.any(|behind| behind.starts_with(|first: char| first.is_ascii_alphanumeric()))
    };
    check_all(scripts()?, "the page speaks to its own relay alone, and keeps nothing", |path, text| {
        path.starts_with(root().join("www")) && (hosts(text) || words.iter().any(|word| text.contains(word)))
    })
}

#[test]
fn nothing_is_left_for_later_in_the_code() -> Result<()> {
    // Put together here, so that this file does not find itself.
    let marks = [["todo", "!("], ["unimplemented", "!("], ["#[ig", "nore"]].map(|halves| halves.concat());
    check("no todo, no ignored test", |_, text| marks.iter().any(|mark| text.contains(mark.as_str())))
}

#[test]
fn the_core_has_no_std_and_knows_no_adapter() -> Result<()> {
    let foreign = [
        "extern crate std",
        "use std::",
        "pasarela_edge",
        "pasarela_guide",
        "pasarela_noise",
        "tokio::",
        "wasm_bindgen",
    ];
    // The compiler holds it for what is built; tests may use what they like.
    let of_tests =
        |path: &Path| own(path).iter().any(|part| part == "tests" || part.to_string_lossy().starts_with("sim"));
    check("core is no_std and names no adapter", |path, text| {
        path.starts_with(root().join("src/core")) && !of_tests(path) && foreign.iter().any(|name| text.contains(name))
    })
}

#[test]
fn adapters_never_name_each_other() -> Result<()> {
    let adapters = [
        ("src/edge", "pasarela_edge"),
        ("src/native", "pasarela"),
        ("src/browser", "pasarela_browser"),
        ("src/sim", "pasarela_sim"),
    ];
    check("edge, native, page and sim are apart", |path, text| {
        let own = adapters.iter().find(|(folder, _)| path.starts_with(root().join(folder)));
        own.is_some_and(|own| adapters.iter().any(|other| own != other && text.contains(&format!("use {}::", other.1))))
    })
}

#[test]
fn what_is_imported_from_a_crate_is_in_one_use() -> Result<()> {
    check("one `use` for each crate, as nightly's rustfmt groups them (imports_granularity=Crate)", |_, text| {
        let mut before = "";
        let mut roots = Vec::new();
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("use ").filter(|_| !before.starts_with("#[")) {
                roots.push(path.split([':', ';', ' ']).next().unwrap_or_default());
            }
            before = line;
        }
        let all = roots.len();
        roots.sort_unstable();
        roots.dedup();
        roots.len() < all
    })
}

#[test]
fn only_an_allocator_and_a_few_bindings_are_unsafe() -> Result<()> {
    // The compiler denies it elsewhere; here is who may be excused.
    let excused = [
        "src/native/memory.rs",
        "src/native/connect/tls/browser.rs",
        "src/native/net/tcp_info.rs",
        "src/edge/cpu.rs",
        "src/edge/instrument.rs",
        "src/core/tests/alloc.rs",
        "tests/harness/namespace.rs",
        "lab/network.rs",
    ];
    // Put together here, so that this file does not find itself.
    let mark = ["unsafe", "_code"].concat();
    check("nobody else is excused from safety", |path, text| {
        let forbids = text.contains(&format!("#![forbid({mark})]"));
        !excused.iter().any(|excused| path.ends_with(excused)) && !forbids && text.contains(&mark)
    })
}

#[test]
fn what_is_due_waits_for_no_timer() -> Result<()> {
    // Tokio's timers are rounded up to the next millisecond.
    let excused = ["src/native/deadline.rs", "src/native/tunnel/clock.rs"];
    check("who waits for a time that may have come does it by `deadline::reached`", |path, text| {
        let native = own(path).starts_with("src/native") && !excused.iter().any(|excused| path.ends_with(excused));
        native && text.contains("sleep_until")
    })
}

#[test]
fn the_program_prints_in_its_command_line_alone() -> Result<()> {
    let prints = ["println!(", "print!(", "eprintln!(", "eprint!(", "dbg!("];
    check("only cli prints", |path, text| {
        let native = path.strip_prefix(root().join("src/native")).ok();
        // What stands beside the program prints to cargo.
        let own = native.is_some_and(|own| {
            !own.starts_with("cli") && !["build.rs", "say.rs", "cli.rs", "panics.rs"].map(Path::new).contains(&own)
        });
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        own && code.into_iter().any(|line| prints.iter().any(|print| line.contains(print)))
    })
}

#[test]
fn every_trouble_is_provoked_by_a_test() -> Result<()> {
    let table = fs::read_to_string(root().join("src/native/trouble.rs"))?;
    let rows = table.split("\ntroubles! {").nth(1).context("no table")?;
    let rows = rows.split("\n}\n").next().unwrap_or_default().lines().filter(|line| !line.trim().starts_with("///"));
    let names: Vec<_> = rows.filter_map(|row| row.split([',', '(']).next().map(str::trim)).collect();
    ensure!(names.len() > 20, "only {names:?}: this test looks in the wrong place");
    let sources = sources()?;
    let provoked = |name: &str| {
        let word = format!("Trouble::{name}");
        let mut tests = sources.iter().map(|(path, text)| {
            let of_tests = own(path).iter().any(|part| part == "tests");
            let begins = if of_tests { Some(0) } else { text.find("#[cfg(test)]") };
            &text[begins.unwrap_or(text.len())..]
        });
        tests.any(|text| text.split(&word).skip(1).any(|rest| !rest.starts_with(char::is_alphanumeric)))
    };
    let missing: Vec<_> = names.into_iter().filter(|name| !name.is_empty() && !provoked(name)).collect();
    ensure!(missing.is_empty(), "no test meets {missing:?}");
    Ok(())
}

#[test]
fn the_old_runtime_and_the_new_are_what_package_json_pins() -> Result<()> {
    use pasarela_e2e::places::Runtime;
    for (runtime, date) in [(Runtime::New, "2026-11-17"), (Runtime::Old, "2026-07-30")] {
        let version = std::process::Command::new(runtime.program()?).arg("--version").output()?;
        ensure!(String::from_utf8_lossy(&version.stdout).contains(date), "{runtime:?} is {version:?}");
    }
    Ok(())
}

#[test]
fn no_configuration_that_is_recommended_writes_down_who_comes() -> Result<()> {
    let paper = fs::read_to_string(root().join("docs/server.md"))?;
    let says = |block: &str, line: &str| block.lines().any(|said| said.trim() == line);
    for server in ["nginx", "caddyfile", "haproxy"] {
        let before = format!("```{server}\n");
        let blocks: Vec<_> = paper.split(&before).skip(1).filter_map(|rest| rest.split("```").next()).collect();
        ensure!(!blocks.is_empty(), "the paper shows nothing for {server}: this test looks in the wrong place");
        for block in blocks {
            let is_quiet = match server {
                "nginx" => says(block, "access_log off;") && says(block, "error_log /dev/null;"),
                // A site's own `log` would be a second one.
                "caddyfile" => says(block, "output discard") && block.matches("log").count() == 1,
                // It keeps none unless a line says so: `log`, `option httplog`, `log-format`.
                _ => !block.contains("log"),
            };
            ensure!(is_quiet, "{server} keeps logs: {block}");
        }
    }
    for unit in ["serve", "bridge"] {
        let unit = fs::read_to_string(root().join(format!("packaging/systemd/pasarela-{unit}.service")))?;
        ensure!(unit.lines().any(|line| line == "LimitCORE=0"), "a unit lets memory be dumped: {unit}");
    }
    Ok(())
}

#[test]
fn what_is_packaged_has_more_memory_than_the_program_is_told_of() -> Result<()> {
    /// What follows this in a text, up to a blank.
    fn said<'a>(text: &'a str, before: &str) -> Result<&'a str> {
        let said = text.split(before).nth(1).and_then(|rest| rest.split_whitespace().next());
        said.with_context(|| format!("{before} is not there"))
    }
    let mib = |size: &str| size.to_uppercase().trim_end_matches('M').parse::<usize>().with_context(|| size.to_owned());
    let unit = fs::read_to_string(root().join("packaging/systemd/pasarela-serve.service"))?;
    let text = fs::read_to_string(root().join("packaging/README.md"))?;
    let told = mib(said(&unit, "--memory ")?)?;
    for (may, told) in [
        (said(&unit, "\nMemoryMax=")?, told),
        (
            said(&text, "--cap-drop all --security-opt no-new-privileges --memory ")?,
            mib(said(&text, "PASARELA_MEMORY=")?)?,
        ),
    ] {
        ensure!(mib(may)? >= told + told / 3, "{may} of memory for a program that takes {told} MiB");
    }
    ensure!(
        text.matches(&format!("serve --memory {told}M")).count() == 1,
        "README beside the unit says another --memory"
    );
    let room = pasarela::serve::Room::within(told << 20);
    let files: usize = said(&unit, "\nLimitNOFILE=")?.parse()?;
    ensure!(files >= 2 * room.streams + 2 * room.strangers, "{files} open files for {room:?}");
    let usual = pasarela::serve::Room::default();
    let limits = fs::read_to_string(root().join("docs/limits.md"))?;
    for figure in [
        format!("carries {} streams", usual.streams),
        format!("{} tunnels, whose windows are {} MiB", usual.tunnels(), usual.windows >> 20),
        format!("{} MiB together, the largest", usual.waiting >> 20),
        format!("keeps {},", usual.strangers),
    ] {
        ensure!(limits.contains(&figure), "docs/limits.md does not say \"{figure}\"");
    }
    Ok(())
}
