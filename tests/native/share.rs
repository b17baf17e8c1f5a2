//! `pasarela share`: what is printed, what is written, what is refused.

use std::{fs, io::Write, process::Stdio};

use crate::{
    program::{Ended, Folder, command, finish, run},
    within,
};

const LINK: &str = "https://relay.example/#a-key-of-the-tests";

#[tokio::test]
async fn a_link_comes_with_its_code_and_a_warning() {
    let ended = run(&["share", LINK]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.starts_with(&format!("{LINK}\n")) && ended.out.contains('▄'), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1);
    assert!(ended.err.contains("Whoever has this link can use the relay"), "{ended:?}");
    // What a browser showed is the same link.
    let ended = run(&["share", "https://relay.example/a-key-of-the-tests/", "--text"]).await;
    assert_eq!(ended.out, format!("{LINK}\n"));
    let ended = run(&["share", LINK, "--qr"]).await;
    assert!(!ended.out.contains("relay.example") && ended.out.contains('▄'), "{ended:?}");
}

#[tokio::test]
async fn a_bridge_becomes_the_link_that_the_phone_knows() {
    for (args, query) in [
        (&["192.168.1.7"][..], "host=192.168.1.7&chatPort=5222&mediaPort=5222&chatTLS=false"),
        (&["a.example", "--chat-port", "443"], "host=a.example&chatPort=443&mediaPort=587&chatTLS=true"),
        (
            &["a.example", "--chat-port", "8443", "--media-port", "7777", "--chat-tls"],
            "host=a.example&chatPort=8443&mediaPort=7777&chatTLS=true",
        ),
    ] {
        let ended = run(&[&["share", "--text", "--bridge"], args].concat()).await;
        assert_eq!((ended.out, ended.err.as_str()), (format!("https://wa.me/proxy?{query}\n"), ""));
    }
}

#[tokio::test]
async fn a_file_is_written_once_unless_forced() {
    let folder = Folder::new();
    for (name, beginning) in [("a.png", &b"\x89PNG"[..]), ("a.svg", b"<?xml"), ("a.txt", LINK.as_bytes())] {
        let path = folder.path(name);
        let args = ["share", LINK, "--output", path.to_str().expect("UTF-8")];
        let ended = run(&args).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
        assert!(fs::read(&path).expect("written").starts_with(beginning), "{name}");
        fs::write(&path, "mine").expect("writable");
        let ended = run(&args).await;
        assert_eq!((ended.code, ended.err.contains("--force")), (Some(1), true), "{ended:?}");
        assert_eq!(fs::read(&path).expect("still there"), b"mine");
        assert_eq!(run(&[&args[..], &["--force"]].concat()).await.code, Some(0));
        assert!(fs::read(&path).expect("written").starts_with(beginning), "{name}");
    }
}

#[tokio::test]
async fn a_link_comes_out_of_a_picture_as_it_went_in() {
    let folder = Folder::new();
    let picture = folder.path("a.png");
    let picture = picture.to_str().expect("UTF-8");
    assert_eq!(run(&["share", LINK, "--output", picture]).await.code, Some(0));
    let ended = run(&["share", "--text", "--picture", picture]).await;
    assert_eq!((ended.code, ended.out), (Some(0), format!("{LINK}\n")));
    let checked =
        run(&["check", "--json", "--timeout", "1", "--proxy", "http://127.0.0.1:9", "--picture", picture]).await;
    assert!(checked.code.is_some_and(|code| code >= 10), "it has tried the relay: {checked:?}");
    // One that is beside another.
    assert_eq!(run(&["share", "https://other.example/#a-key-of-the-tests", "--picture", picture]).await.code, Some(2));
    let whatsapp = folder.path("b.png");
    let whatsapp = whatsapp.to_str().expect("UTF-8");
    assert_eq!(run(&["share", "--bridge", "192.168.1.7", "--output", whatsapp]).await.code, Some(0));
    let text = folder.write("c.png", LINK);
    for (other, why) in
        [(whatsapp, "the QR code in it is no link of a relay"), (text.as_str(), "it is neither PNG nor JPEG")]
    {
        let ended = run(&["share", "--picture", other]).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(why) && ended.err.contains("\n  try: "), "{ended:?}");
        assert!(!ended.err.contains("192.168") && !ended.err.contains("a-key-of-the-tests"), "{ended:?}");
    }
}

/// As a program would that opens pictures itself.
async fn in_grey(size: &str, pixels: &[u8]) -> Ended {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let mut command = command(&["share", "--text", "--grey", size]);
    command.stdin(reader);
    // What is larger than a pipe holds would wait for its reader.
    writer.write_all(pixels).expect("it fits");
    drop(writer);
    finish(command).await
}

#[tokio::test]
async fn a_link_is_read_from_grey_pixels() {
    let mut drawn = command(&["share", LINK, "--qr"]);
    drawn.env("LC_ALL", "C");
    let drawn = finish(drawn).await.out;
    // Two letters a module.
    let pixels: Vec<_> =
        drawn.lines().flat_map(|line| line.bytes().step_by(2)).map(|it| if it == b'#' { 255 } else { 0 }).collect();
    let side = drawn.lines().count();
    let size = format!("{side}x{side}");
    let ended = in_grey(&size, &pixels).await;
    assert_eq!((ended.code, ended.out), (Some(0), format!("{LINK}\n")), "{drawn}");
    for (size, pixels, why) in [
        (&*size, &pixels[1..], "a part is missing"),
        (&format!("{side}x{}", side - 1), &pixels, "a part is missing"),
        ("5000x5000", &[], "more than 16 million pixels"),
        ("0x0", &[], "a part is missing"),
        ("40x40", &[7; 1600], "no QR code in it can be read"),
        ("40", &[], "not like 640x480"),
        ("99999999999999999999x1", &[], "not like 640x480"),
    ] {
        let ended = in_grey(size, pixels).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{size}: {ended:?}");
        assert!(ended.err.contains(why), "{size}: {ended:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_written_is_told_and_what_is_written_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let mut share = command(&["share", "--text", LINK]);
    share.stdout(fs::File::create("/dev/full").expect("a device"));
    let ended = within(tokio::process::Command::from(share).spawn().expect("it starts").wait_with_output()).await;
    let ended = ended.expect("it runs");
    let told = String::from_utf8(ended.stderr).expect("UTF-8");
    assert!(ended.status.code() == Some(1) && told.contains("the disk is full\n  try: "), "{told}");
    let folder = Folder::new();
    let path = folder.path("link.txt");
    assert_eq!(run(&["share", LINK, "--output", path.to_str().expect("UTF-8")]).await.code, Some(0));
    assert_eq!(fs::metadata(&path).expect("written").permissions().mode() & 0o077, 0);
}

#[tokio::test]
async fn what_cannot_be_shared_is_named_without_the_key() {
    let folder = Folder::new();
    let other = folder.path("a.gif");
    for args in [
        &["share"][..],
        &["share", "https://relay.example/?a-key-of-the-tests"],
        &["share", "--bridge", "a-key-of-the-tests:5222"],
        &["share", "--bridge", "a.example", LINK],
        &["share", "https://relay.example/#a-key-of-the-tests keep it secret"],
        &["share", "https://relay.example/#a-key-of-the-tests…"],
        &["share", LINK, "--output", other.to_str().expect("UTF-8")],
    ] {
        let ended = run(args).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(!ended.err.contains("a-key-of-the-tests"), "{ended:?}");
    }
}

#[tokio::test]
async fn that_nobody_reads_is_no_fault() {
    for args in
        [&["share", LINK][..], &["share", LINK, "--text"], &["check", "http://127.0.0.1:9/"], &["--help"], &["check"]]
    {
        for stream in ["stdout", "stderr"] {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let mut command = command(args);
            if stream == "stdout" {
                command.stdout(writer)
            } else {
                command.stderr(writer)
            };
            // Not by `finish`, which would read.
            let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("it starts");
            let ended = within(child.wait()).await.expect("it ends");
            assert!(ended.code().is_some_and(|code| code < 64), "{args:?}, nobody at {stream}: {ended}");
        }
    }
}

#[tokio::test]
async fn variables_are_read_as_compose_files_write_them() {
    let with = async |name: &str, value: &str| {
        let mut command = command(&["share", LINK]);
        command.env(name, value).stdout(Stdio::piped());
        finish(command).await
    };
    for value in ["1", "true", "YES", "on"] {
        let ended = with("PASARELA_SHARE_TEXT", value).await;
        assert_eq!((ended.code, ended.out), (Some(0), format!("{LINK}\n")), "{value}");
    }
    for value in ["0", "false", "no", "Off", "", " "] {
        let ended = with("PASARELA_SHARE_TEXT", value).await;
        assert!(ended.code == Some(0) && ended.out.contains('▄'), "{value:?}: {ended:?}");
    }
    assert_eq!(with("PASARELA_SHARE_TEXT", "perhaps").await.code, Some(2));
    // What is empty is not there, whatever it would be.
    assert_eq!(with("PASARELA_SHARE_OUTPUT", "").await.code, Some(0));
    assert_eq!(with("PASARELA_CONFIG", "").await.code, Some(0));
}
