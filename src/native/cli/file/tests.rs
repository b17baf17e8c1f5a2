//! A file's settings against those of the command line, and every way to write one wrong.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
};

use clap::CommandFactory;

use super::*;
use crate::cli::Cli;

const SECRET: &str = "https://relay.example/#a-key-of-the-tests";

/// A file that goes away with the test.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pasarela-config-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).expect("writable");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What a file with this text adds to this command line.
fn added(text: &str, arguments: &str) -> Result<Vec<String>, Wrong> {
    let file = File::new(text);
    let config = format!("--config={}", file.0.display());
    let words = ["pasarela", config.as_str()].into_iter().chain(arguments.split_whitespace());
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let added = add(Cli::command(), words).map_err(|(path, wrong)| {
        assert_eq!(path, file.0);
        wrong
    })?;
    let texts = added.arguments.into_iter().skip(2).map(|word| word.into_string().expect("UTF-8"));
    Ok(texts.collect())
}

#[track_caller]
fn check(text: &str, arguments: &str, expected: &str) {
    let words: Vec<_> = expected.split_whitespace().map(str::to_owned).collect();
    assert_eq!(added(text, arguments), Ok(words), "{text}");
}

#[test]
fn every_kind_of_setting_becomes_its_argument() {
    check(
        "[check]\nvia = '192.168.1.7'\nchat-port = 5222\njson = true",
        "check",
        "check --chat-port=5222 --json --via=192.168.1.7",
    );
    check("[check]\njson = false\ntls = false", "check", "check --tls=false");
    check("[bridge]\nlinks = ['a', 'b']\nofficial = true", "bridge", "bridge --official -- a b");
    check("[bridge]\nlinks = 'a'\nsocks5 = true", "bridge", "bridge --socks5 -- a");
    check("[bridge]\nlinks = ['a']\nsocks5 = '127.0.0.1:9'", "bridge --", "bridge --socks5=127.0.0.1:9 -- a");
    check(
        "[bridge]\nsocks5 = false\nlisten = ['127.0.0.1:1', '127.0.0.1:2']",
        "bridge",
        "bridge --listen=127.0.0.1:1 --listen=127.0.0.1:2",
    );
}

#[test]
fn the_command_line_goes_first() {
    check("[check]\ntimeout = 5\njson = true", "check --timeout 7", "check --timeout 7 --json");
    check("[bridge]\nlinks = ['a', 'b']", "bridge c", "bridge c");
    check("[bridge]\nlinks = ['a', 'b']", "bridge -- c", "bridge -- c");
    // What contradicts it goes, too.
    check("[check]\nlink = 'a'\ntimeout = 5", "check --via b", "check --via b --timeout=5");
    check("[share]\nqr = true", "share --text", "share --text");
}

#[test]
fn other_commands_and_no_command_take_nothing() {
    check("[check]\ntimeout = 5", "share a", "share a");
    check("[check]\ntimeout = 5", "", "");
    check("no toml", "check --help", "check --help");
    let words: Vec<OsString> = ["pasarela", "check"].map(OsString::from).to_vec();
    let unchanged = Added { arguments: words.clone(), exposed: None };
    assert_eq!(add(Cli::command(), words), Ok(unchanged));
}

#[test]
fn what_is_wrong_is_named_and_its_value_is_not() {
    let option = |command: &str, key: &str| Wrong::NoOption(command.to_owned(), key.to_owned());
    let value = |command: &str, key: &str| Wrong::Value(command.to_owned(), key.to_owned());
    for (text, wrong) in [
        (format!("[check]\nlink = {SECRET}"), Wrong::NoToml(2)),
        (format!("link = '{SECRET}'"), Wrong::NoCommand("link".to_owned())),
        (format!("[chek]\nlink = '{SECRET}'"), Wrong::NoCommand("chek".to_owned())),
        (format!("check = '{SECRET}'"), Wrong::NoCommand("check".to_owned())),
        (format!("[check]\nlinks = '{SECRET}'"), option("check", "links")),
        (format!("[share]\nconfig = '{SECRET}'"), option("share", "config")),
        (format!("[share]\nhelp = '{SECRET}'"), option("share", "help")),
        (format!("[check]\nlink = ['{SECRET}']"), value("check", "link")),
        (format!("[check]\ntimeout = '{SECRET}'"), value("check", "timeout")),
        ("[check]\ntimeout = 0".to_owned(), value("check", "timeout")),
        ("[check]\njson = 'true'".to_owned(), value("check", "json")),
        ("[check]\nvia = true".to_owned(), value("check", "via")),
        ("[check]\nvia = 1979-05-27".to_owned(), value("check", "via")),
        ("[bridge]\nlisten = ['127.0.0.1:1', 'x']".to_owned(), value("bridge", "listen")),
    ] {
        assert_eq!(added(&text, "check"), Err(wrong), "{text}");
    }
    let words = ["pasarela", "--config=/nowhere/x.toml", "check"].map(OsString::from).to_vec();
    assert!(matches!(add(Cli::command(), words), Err((_, Wrong::Unreadable(_)))));
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_may_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    for (text, mode, exposed) in [
        (format!("[check]\nlink = '{SECRET}'"), 0o644, true),
        (format!("[check]\nlink = '{SECRET}'"), 0o600, false),
        ("[check]\ntimeout = 5".to_owned(), 0o644, false),
        ("[serve]\nupstream-chat = 'host:1'".to_owned(), 0o644, false),
        // Another command's, but still a secret.
        (format!("[bridge]\nlinks = ['{SECRET}']"), 0o640, true),
    ] {
        let file = File::new(&text);
        fs::set_permissions(&file.0, fs::Permissions::from_mode(mode)).expect("ours");
        let words = ["pasarela", "check", "--config", file.0.to_str().expect("UTF-8")].map(OsString::from).to_vec();
        let found = add(Cli::command(), words).expect("usable").exposed;
        assert_eq!(found.is_some(), exposed, "{text} {mode:o}");
    }
}
