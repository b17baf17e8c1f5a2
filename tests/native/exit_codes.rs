//! How every command ends: with 2 when it is told wrongly, with another code when it met what may pass; and that service managers,
//! help and manual go by the same.

use std::{fs, net::Ipv4Addr};

use pasarela_e2e::places;

use crate::program::{Folder, run};

const LINK: &str = "https://relay.example/#a-key-of-the-tests";

#[tokio::test]
async fn told_wrongly_every_command_ends_with_2_and_by_what_may_pass_otherwise() {
    let folder = Folder::new();
    let (missing, text) = (folder.path("missing"), folder.write("token", "two words"));
    let picture = missing.join("x.png");
    let (missing, picture) = (missing.to_str().expect("UTF-8"), picture.to_str().expect("UTF-8"));
    for wrong in [
        &["bridge", "https://relay.example/#short"][..],
        &["bridge", LINK, "--listen", "nowhere"],
        &["bridge", LINK, "--proxy", "socks4://192.0.2.1:1080"],
        &["bridge", LINK, "nonsense"],
        &["bridge", LINK, "--host", "https://x/"],
        &["check", LINK, "--proxy", "ftp://192.0.2.1:21"],
        &["check", LINK, "--proxy", "http://"],
        &["serve", "--relay-keys-file", missing],
        &["serve", "--open", "--cert", missing, "--key", missing],
        &["serve", "--open", "--site-dir", missing],
        &["serve", "--open", "--max-connections", "0"],
        &["check", "https://relay.example/#short"],
        &["check", LINK, "--ca", missing],
        &["share", "https://relay.example/#short"],
        &["share", LINK, "--output", picture],
        &["share", "--picture", missing],
        &["check", "--picture", &text],
        &["bridge", "--picture", &text],
        &["share", "--grey", "640x480"],
        &["deploy", "--yes", "--dry-run", "--worker", missing],
        &["keys", "--token-file", &text],
        &["keys", "--file", missing],
        &["bridge", "--config", missing],
    ] {
        let ended = run(wrong).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{wrong:?}: {ended:?}");
    }
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let taken = taken.local_addr().expect("bound").to_string();
    let written = folder.write("code.txt", "");
    for (met, code) in [
        (&["bridge", LINK, "--listen", &taken][..], 1),
        (&["serve", "--open", "--listen", &taken], 1),
        (&["check", "http://localhost:1/#a-key-of-the-tests"], 11),
        (&["share", LINK, "--output", &written], 1),
    ] {
        let ended = run(met).await;
        assert_eq!(ended.code, Some(code), "{met:?}: {ended:?}");
    }
}

#[tokio::test]
async fn who_is_told_wrongly_is_not_started_again_and_the_papers_say_so() {
    let read = |path: &str| fs::read_to_string(places::root().join(path)).expect("a file of ours");
    let units = fs::read_dir(places::root().join("packaging/systemd")).expect("a folder of ours");
    let units: Vec<_> = units.map(|unit| unit.expect("a unit").path()).collect();
    assert!(units.len() > 1, "{units:?}");
    for unit in units {
        let unit = fs::read_to_string(unit).expect("text");
        assert!(unit.contains("\nRestart=on-failure\n") && unit.contains("\nRestartPreventExitStatus=2\n"), "{unit}");
    }
    let help = run(&["--help"]).await.out;
    assert!(help.contains("2  told wrongly: "), "{help}");
    for page in ["packaging/linux/pasarela.1", "packaging/README.md"] {
        assert!(read(page).to_lowercase().contains("told wrongly"), "{page}");
    }
}
