//! What such a file keeps, what it says to whoever finds it, and what it does with other files.

use std::net::SocketAddr;

use super::*;

const LINK: &str = "https://relay.example/#0123456789abcdef&sibling=*.relay.example&ports=2096";
const HERE: Network = (Some(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 7, 33))), None);

fn endpoint(address: &str, other_port: bool) -> Endpoint {
    Endpoint { target: 0, address: address.parse::<SocketAddr>().expect("an address"), other_port }
}

fn page(path: &Path, link: &str) -> Page {
    Notes::open(path).expect("a file").of(&link.parse().expect("a link"))
}

#[test]
fn a_way_is_found_again_by_whoever_has_the_link_in_the_same_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ways");
    for (greeting, other_port) in [
        (Greeting::new(Name::Own, Shape::RecordsAndSegments), false),
        (Greeting::new(Name::Sibling(7), Shape::Whole), false),
        (Greeting::new(Name::Nothing, Shape::Records), true),
        (Greeting::PLAIN, true),
    ] {
        let way = Way { endpoint: endpoint("203.0.113.5:2096", other_port), greeting };
        page(&path, LINK).keep(HERE, Some((way, Some(Met::Silent))));
        let later = page(&path, LINK);
        let others = [endpoint("203.0.113.4:2096", other_port), way.endpoint];
        assert_eq!(later.recall(HERE, &others), Some((way, Some(Met::Silent))), "{greeting:?}");
        assert_eq!(later.recall(HERE, &others[..1]), None);
        let alike = Way { endpoint: others[0], ..way };
        assert_eq!(later.recall_alike(HERE, &others[..1]), Some((alike, Some(Met::Silent))));
        assert!(!later.knows((None, None)));
        assert!(!page(&path, "https://relay.example/#fedcba9876543210").knows(HERE));
    }
}

#[test]
fn what_is_as_the_link_says_or_works_no_longer_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ways");
    let page = page(&path, LINK);
    let empty = fs::read(&path).expect("a file");
    let at = endpoint("203.0.113.5:443", false);
    let cut = Way { endpoint: at, greeting: Greeting::new(Name::Own, Shape::Records) };
    for forgotten in [None, Some((Way { endpoint: at, greeting: Greeting::PLAIN }, None))] {
        page.keep(HERE, Some((cut, None)));
        assert_ne!(fs::read(&path).expect("a file"), empty);
        page.keep(HERE, forgotten);
        assert_eq!(fs::read(&path).expect("a file"), empty);
    }
}

#[test]
fn whoever_finds_the_file_reads_no_address_name_or_key_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ways");
    let greeting = Greeting::new(Name::Sibling(7), Shape::Whole);
    page(&path, LINK).keep(HERE, Some((Way { endpoint: endpoint("203.0.113.5:443", false), greeting }, None)));
    let text = fs::read_to_string(&path).expect("text");
    assert!(text.contains("endpoint"), "{text}");
    for secret in ["203.0.113", "192.168", "relay", "example", "0123456789abcdef"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_is_old_is_not_believed_and_what_is_no_such_file_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ways");
    let greeting = Greeting::new(Name::Own, Shape::Records);
    page(&path, LINK).keep(HERE, Some((Way { endpoint: endpoint("203.0.113.5:443", false), greeting }, None)));
    let text = fs::read_to_string(&path).expect("text");
    let hour = this_hour();
    for (then, known) in [(hour - HOURS, true), (hour - HOURS - 1, false), (hour + HOURS + 1, false)] {
        let changed = text.replace(&format!("\"hour\":{hour}"), &format!("\"hour\":{then}"));
        assert!(then == hour || changed != text, "{text}");
        fs::write(&path, changed).expect("room");
        assert_eq!(page(&path, LINK).knows(HERE), known, "{then}");
    }
    // A program that goes on for longer keeps what it has.
    let page = page(&path, LINK);
    assert!(!page.knows(HERE));
    page.keep(HERE, Some((Way { endpoint: endpoint("203.0.113.5:443", false), greeting }, None)));
    assert!(page.knows(HERE) && page.recall(HERE, &[endpoint("203.0.113.5:443", false)]).is_some());
    for foreign in ["my diary", "{}", r#"{"pasarela-ways":2,"ways":{}}"#, "[]"] {
        fs::write(&path, foreign).expect("room");
        assert!(matches!(Notes::open(&path), Err(UnusableNotes::Foreign)), "{foreign}");
        assert_eq!(fs::read_to_string(&path).expect("text"), foreign);
    }
    // One note that nobody understands is no reason to lose the others.
    fs::write(&path, r#"{"pasarela-ways":1,"ways":{"x":{"shape":"spiral"}}}"#).expect("room");
    assert!(Notes::open(&path).is_ok());
    #[cfg(unix)]
    assert!(matches!(Notes::open(Path::new("/dev/null")), Err(UnusableNotes::Foreign)));
    assert!(matches!(Notes::open(&folder.path().join("no/such/folder")), Err(UnusableNotes::Io(_))));
}
