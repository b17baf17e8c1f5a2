//! `check --via`: the simulator in the place of a proxy, whole and broken.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pasarela::{
    check::{self, Clock, Options, Subject, Verdict},
    share::Proxy,
    trouble::{Hint, Stage},
};
use pasarela_sim::Sim;
use rustls::pki_types::CertificateDer;

use crate::{
    front::{Authority, Front, Manner},
    program::{Ended, Folder, command, finish, root_of, run, tls_before},
    start, start_with,
    tunnels::Nobody,
    within,
};

const DAY: u64 = 86_400;

/// Checks the simulator as a proxy, with what it takes to believe it, and this.
async fn check(sim: &Sim, more: &[&str]) -> Ended {
    let folder = Folder::new();
    let ca = folder.write("ca.pem", sim.ca_pem());
    let (via, media, root) = (sim.chat().to_string(), sim.media().port().to_string(), root_of(sim));
    let args = ["check", "--via", &via, "--media-port", &media, "--ca", &ca, "--root", &root];
    run(&[&args, more].concat()).await
}

#[track_caller]
fn assert_failed(ended: &Ended, code: i32, phrases: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.out.matches("FAILED").count(), 1, "{ended:?}");
    // One line of what it means, one of what to try.
    let (_, conclusion) = ended.out.split_once("\n\n").expect("a conclusion");
    assert_eq!(conclusion.lines().count(), 2, "{conclusion}");
    for phrase in phrases.iter().chain(&["Try: "]) {
        assert!(conclusion.contains(phrase), "no {phrase:?} in {conclusion}");
    }
}

#[tokio::test]
async fn a_proxy_that_leads_to_whatsapp_is_well() {
    let sim = start().await;
    let ended = check(&sim, &[]).await;
    assert_eq!((ended.code, ended.out.contains("All well"), ended.err.as_str()), (Some(0), true, ""), "{ended:?}");
    let ended = check(&sim, &["--json"]).await;
    let object: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    let stages: Vec<_> = object["stages"].as_array().expect("a list").iter().map(|it| it["stage"].as_str()).collect();
    assert_eq!(stages, ["name", "connect", "chat", "media"].map(Some), "{object}");
    assert_eq!((object["verdict"].as_str(), object["hint"].is_null()), (Some("ok"), true), "{object}");
    assert!(object["stages"][2]["detail"].as_str().is_some_and(|it| it.starts_with("until=")), "{object}");
}

#[tokio::test]
async fn chat_in_tls_may_have_any_certificate() {
    let sim = start().await;
    let front = tls_before(&Authority::new().name(&["other.example"]), sim.chat()).await;
    let ended = check(&sim, &["--chat-port", &front.port().to_string(), "--tls"]).await;
    assert_eq!((ended.code, ended.out.contains("encryption   ok")), (Some(0), true), "{ended:?}");
    // The simulator resets who speaks TLS to its chat, as WhatsApp does.
    let ended = check(&sim, &["--tls=true"]).await;
    assert_failed(&ended, 12, &["not with TLS", "--tls=false"]);
    let ended = check(&sim, &["--chat-port", &front.port().to_string()]).await;
    assert_eq!(ended.code, Some(16), "{ended:?}");
}

#[tokio::test]
async fn the_link_of_a_proxy_says_all_there_is_to_say() {
    let sim = start().await;
    let link = pasarela::share::wa_me("127.0.0.1", sim.chat().port(), sim.media().port(), false);
    let folder = Folder::new();
    let ca = folder.write("ca.pem", sim.ca_pem());
    let ended = run(&["check", "--via", &link, "--ca", &ca, "--root", &root_of(&sim)]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn who_tampers_is_told_from_whatsapp() {
    let sim = start().await;
    let other = start().await;
    let ended = check(&sim, &["--root", &root_of(&other)]).await;
    assert_eq!(ended.code, Some(2), "one root only: {ended:?}");
    let (via, media) = (sim.chat().to_string(), sim.media().port().to_string());
    let ended = run(&["check", "--via", &via, "--media-port", &media]).await;
    assert_failed(&ended, 16, &["NOT WhatsApp", "tampers", "do not use it"]);
    let ended = run(&["check", "--via", &via, "--media-port", &media, "--root", &root_of(&sim)]).await;
    assert_failed(&ended, 17, &["Chat works", "NOT WhatsApp"]);
}

#[tokio::test]
async fn silence_and_cuts_are_told_apart() {
    for (delivery, phrase) in [("silent", "says nothing"), ("cut:100", "was cut"), ("deaf", "says nothing")] {
        let sim = start_with(delivery).await;
        let ended = check(&sim, &["--timeout", "1"]).await;
        assert_failed(&ended, 16, &[phrase, "--chat-port"]);
    }
    for delivery in ["bytes:1", "delayed:50"] {
        assert_eq!(check(&start_with(delivery).await, &[]).await.code, Some(0));
    }
}

#[tokio::test]
async fn a_wrong_port_or_name_is_named() {
    let nobody = Nobody::new();
    let ended = run(&["check", "--via", &nobody.address().to_string()]).await;
    assert_failed(&ended, 11, &["Nothing listens there", "same Wi-Fi"]);
    let sim = start().await;
    let media = nobody.address().port().to_string();
    let args = ["check", "--via", &sim.chat().to_string(), "--media-port", &media, "--root", &root_of(&sim)];
    assert_failed(&run(&args).await, 17, &["Chat works", "nothing answers", "--media-port"]);
    let web = Front::start(Manner::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let ended = run(&["check", "--via", &web.address.to_string()]).await;
    assert_failed(&ended, 16, &["does not speak as WhatsApp"]);
    let ended = run(&["check", "--via", "pasarela-test.invalid", "--timeout", "5"]).await;
    assert_failed(&ended, 10, &["name"]);
}

/// What a check of the simulator says on a device whose clock is so many days fast.
async fn at(days: i64) -> Verdict {
    let sim = start().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let options = Options {
        root: *sim.root_key(),
        authorities: vec![CertificateDer::from(sim.ca_der().to_vec())],
        now: now.saturating_add_signed(days * DAY.cast_signed()),
        ..Options::default()
    };
    let proxy = Proxy {
        host: "127.0.0.1".to_owned(),
        chat_port: sim.chat().port(),
        media_port: Some(sim.media().port()),
        chat_tls: Some(false),
    };
    within(check::run(&Subject::Proxy(proxy), &options, &mut |_| {})).await.expect("usable")
}

#[tokio::test]
async fn wrong_dates_are_no_forgery_and_media_tell_whose_they_are() {
    // The media host's certificate holds for centuries: WhatsApp's must be out of date.
    let verdict = at(365).await;
    assert_eq!(verdict.failure().map(|(stage, _)| stage), Some(Stage::Chat));
    assert_eq!((verdict.clock, verdict.hint()), (Some(Clock::Right), Some(Hint::Newer)));
    // Nothing is valid yet in 1970.
    let verdict = at(-365 * 1000).await;
    assert_eq!((verdict.clock, verdict.hint()), (Some(Clock::Doubtful), Some(Hint::LookAtClock)));
    assert_eq!(verdict.stages.len(), 4, "{verdict:?}");
    assert_eq!(at(0).await.hint(), None);
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_at_once() {
    use std::io::Read;
    let sim = start_with("silent").await;
    let mut child = command(&["check", "--via", &sim.chat().to_string(), "--timeout", "600"]).spawn().expect("starts");
    let waiting = sim.wait_until(Duration::from_secs(30), |stats| stats.open() == 1).await;
    waiting.expect("connected");
    // It is connected, so its signals are handled.
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("a program");
    assert!(killed.success());
    let ended = within(tokio::task::spawn_blocking(move || {
        let mut err = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
        (child.wait().expect("a child").code(), err)
    }));
    let (code, err) = ended.await.expect("no panic");
    assert_eq!((code, err.trim()), (Some(1), "stopped before the end"));
}

#[tokio::test]
async fn a_command_line_that_is_not_right_is_explained_without_its_key() {
    for args in [
        &["check"][..],
        &["check", "https://relay.example/#secretsecret", "--via", "127.0.0.1"],
        &["check", "https://relay.example/secretsecret/tunnel"],
        &["check", "--via", "https://relay.example/#secretsecret"],
        &["check", "--via", "127.0.0.1", "--root", "secretsecret"],
        &["check", "--via", "127.0.0.1", "--timeout", "0"],
    ] {
        let ended = finish(command(args)).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{args:?}: {ended:?}");
        assert!(ended.err.starts_with("error: ") && !ended.err.contains("secretsecret"), "{ended:?}");
    }
    let ended = run(&["check", "--via", "127.0.0.1", "--ca", "/nowhere/ca.pem"]).await;
    assert_eq!((ended.code, ended.err.contains("certificate authorities")), (Some(2), true), "{ended:?}");
}
