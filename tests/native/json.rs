//! `--json` is an interface: each command prints exactly the fields that `docs/json.md` has, and no word but those.

use std::{collections::BTreeSet, net::SocketAddr};

use pasarela::trouble::Hint;
use pasarela_e2e::places::root;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    bridge::Bridge,
    front::{Authority, Front, Manner},
    program::{Folder, pem, root_of, run},
    serve::started,
    start,
    tunnels::{KEY, Nobody, command},
};

fn document() -> String {
    std::fs::read_to_string(root().join("docs/json.md")).expect("docs/json.md")
}

/// The fields in the first table below a heading.
fn documented(heading: &str) -> BTreeSet<String> {
    let text = document();
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).expect("a section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    rows.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect()
}

/// The fields of an object, those inside it too.
fn fields(object: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, value) in object.as_object().expect("an object") {
        found.insert(name.clone());
        let inside = match value {
            Value::Array(all) => all.iter().filter(|it| it.is_object()).map(|it| (format!("{name}[]"), it)).collect(),
            Value::Object(_) => vec![(name.clone(), value)],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        for (prefix, inside) in inside {
            found.extend(fields(inside).into_iter().map(|field| format!("{prefix}.{field}")));
        }
    }
    found
}

#[tokio::test]
async fn the_bridge_prints_what_is_documented() {
    let nobody = Nobody::new();
    let link = format!("http://relay.example/#{KEY}&addr={}", nobody.address());
    let mut running = Bridge::start(&["--json", "--socks5=127.0.0.1:0", &link]);
    let first = running.event(|event| event["event"] == "listening").await;
    assert_eq!(fields(&first), documented("`pasarela bridge`: first line"));
    let phone = first["listen"][0].as_str().and_then(|address| address.parse().ok()).expect("an address");
    let phone: SocketAddr = phone;
    let mut phone = TcpStream::connect(phone).await.expect("listens");
    phone.write_all(&command("sim echo")).await.expect("connected");
    let told = running.event(|event| event["problem"].is_object()).await;
    assert_eq!(fields(&told), documented("`pasarela bridge`: every other line"));
    assert_eq!(told["problem"]["trouble"], "refused");
}

#[tokio::test]
async fn a_check_prints_what_is_documented() {
    let sim = start().await;
    let nobody = Nobody::new();
    let folder = Folder::new();
    let ca = folder.write("ca.pem", sim.ca_pem());
    let link = format!("http://relay.example/#{KEY}&addr={}", nobody.address());
    let ended = run(&["check", "--json", "--ca", &ca, "--root", &root_of(&sim), &link]).await;
    let object: Value = serde_json::from_str(&ended.out).expect("JSON");
    let seldom = ["elsewhere", "verified", "way", "network", "root"].map(str::to_owned);
    let usual: BTreeSet<_> = documented("`pasarela check`").difference(&seldom.into()).cloned().collect();
    assert_eq!(fields(&object), usual, "{object}");
    assert_eq!((&object["verdict"], &object["hint"]), (&"connect".into(), &"operator".into()));
}

#[tokio::test]
async fn a_survey_prints_what_is_documented() {
    let authority = Authority::new();
    let folder = Folder::new();
    let ca = folder.write("ca.pem", &pem(&authority.certificate));
    let (silent, nobody) = (Front::start(Manner::Silence).await, Nobody::new());
    let good = Front::tls(&authority.name(&["relay.example"])).await;
    let [good, silent, nobody] =
        [good.address, silent.address, nobody.address()].map(|address| format!("&addr={address}"));
    let link = format!("https://relay.example/#{KEY}{nobody}{good}{silent}&ways=plain");
    let ended = run(&["check", "--survey", "--json", "--ca", &ca, &link]).await;
    let object: Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(fields(&object), documented("`pasarela check --survey`"), "{object}");
    let details: Vec<_> = object["ways"].as_array().expect("a list").iter().map(|way| way["detail"].clone()).collect();
    // What is behind the second is no relay.
    assert_eq!(details, ["refused", "no-relay", "tls-timeout"], "{object}");
}

#[tokio::test]
async fn the_server_prints_what_is_documented() {
    let (_program, said) = started(&["--open"], &[]);
    assert_eq!(fields(&said), documented("`pasarela serve`"));
}

#[test]
fn every_word_is_documented() {
    let text = document();
    let known = |word: &str| text.contains(&format!("`{word}`"));
    let table = std::fs::read_to_string(root().join("src/native/trouble.rs")).expect("the table");
    let rows = table.split("\ntroubles! {").nth(1).and_then(|rest| rest.split("\n}\n").next()).expect("rows");
    let words: Vec<_> =
        rows.lines().filter(|line| !line.contains("///")).filter_map(|row| row.split('"').nth(1)).collect();
    assert!(words.len() > 20, "{words:?}");
    for word in words {
        let word = word.split('{').next().unwrap_or_default();
        assert!(known(word) || known(&format!("{word}NNN")), "{word}");
    }
    for hint in Hint::ALL {
        assert!(known(hint.token()), "{hint:?}");
    }
}
