//! Links as people write, copy and mistype them.

use super::*;

const KEY: &str = "0123456789abcdef";

fn parse(text: &str) -> Result<Link, UnusableLink> {
    text.replace("KEY", KEY).parse()
}

fn usable(text: &str) -> Link {
    parse(text).unwrap_or_else(|error| unreachable!("{text}: {error}"))
}

#[test]
fn a_plain_link_says_all() {
    let link = usable(" https://Relay.Example/#KEY\n");
    assert_eq!((link.secure, link.host.as_str(), link.port), (true, "relay.example", 443));
    assert_eq!(link.path("/tunnel"), format!("/{KEY}/tunnel"));
    assert_eq!(
        (link.authority(), link.sni(), link.verified()),
        ("relay.example".into(), Some("relay.example"), "relay.example")
    );
    assert_eq!(link.targets(), [Address { host: "relay.example".into(), port: 443 }]);
    assert_eq!(usable("http://127.0.0.1:8787/").path("/tunnel"), "/tunnel");
    assert_eq!(usable("http://127.0.0.1:8787").authority(), "127.0.0.1:8787");
    assert_eq!(usable("https://relay.example/KEY/"), link);
    assert_eq!(usable("https://relay.example/KEY"), link);
    assert_eq!(usable("https://relay.example/?lang=fa#KEY"), link);
}

#[test]
fn parameters_change_the_way_and_nothing_else() {
    let link = usable(
        "https://relay.example:8443/#KEY&port=9&addr=192.0.2.7&addr=2001:db8::7&addr=[2001:db8::8]:1&addr=cdn.example&sni=none&ech=auto",
    );
    let targets: Vec<_> = link.targets().iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["192.0.2.7:9", "[2001:db8::7]:9", "[2001:db8::8]:1", "cdn.example:9"]);
    assert_eq!((link.authority().as_str(), link.sni(), link.verified()), ("relay.example:8443", None, "relay.example"));
    assert_eq!(link.ech, Ech::Auto);
    let link = usable("https://relay.example/#KEY&sni=front.example&host=other.example");
    assert_eq!(
        (link.authority().as_str(), link.sni(), link.verified()),
        ("other.example", Some("front.example"), "front.example")
    );
    let link = usable(
        "https://relay.example/#KEY&sni=front.example&verify=relay.example&pin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8=&ech=A%2F8%2B",
    );
    assert_eq!(
        (link.verified(), link.pin.map(|pin| pin[31]), link.ech.clone()),
        ("relay.example", Some(15), Ech::Config(vec![3, 255, 62]))
    );
}

#[test]
fn a_link_that_is_not_what_it_looks_like_says_so() {
    let pin = format!("pin={}", "A".repeat(43) + "=");
    for (link, vouched) in [
        ("https://good.example/#KEY", None),
        ("https://good.example/#KEY&verify=evil.example", Some("verified as evil.example")),
        ("https://good.example/#KEY&sni=evil.example", Some("verified as evil.example")),
        ("https://good.example/#KEY&sni=front.example&verify=good.example", None),
        ("https://good.example/#KEY&sni=none", None),
        ("http://good.example/#KEY&verify=evil.example", None),
        (&format!("https://good.example/#KEY&{pin}"), Some("verified by the link's pin")),
    ] {
        let link = usable(&link.replace("KEY", "a-key-of-the-tests"));
        assert_eq!(link.vouched().map(|vouched| vouched.to_string()).as_deref(), vouched, "{link}");
    }
}

#[test]
fn what_is_printed_is_the_same_link() {
    for text in [
        "https://relay.example/#KEY",
        "http://[::1]:8787/#",
        "https://relay.example:8443/#KEY&addr=192.0.2.7&addr=cdn.example:444&sni=none&ech=grease",
        "https://relay.example/#KEY&port=9&sni=a.example&verify=b.example&host=c.example:8&ech=AP4",
        "http://127.0.0.1:8787/#&root=142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b",
    ] {
        let link = usable(text);
        assert_eq!(parse(&link.to_string()), Ok(link), "{text}");
    }
    let link = format!("https://relay.example/#{KEY}");
    assert_eq!(usable("https://relay.example/KEY").to_string(), link);
    // As it is copied from the address bar of the relay's page.
    let page = pasarela_core::config::page_name(KEY);
    for copied in
        [usable("https://relay.example/KEY/#KEY"), usable(&format!("https://relay.example/{page}/?lang=fa#KEY"))]
    {
        assert_eq!(copied.to_string(), link);
    }
    assert_eq!(usable("https://relay.example/#KEY&addr=192.0.2.7").door(), format!("https://relay.example/{KEY}/"));
}

#[test]
fn what_cannot_be_used_is_named_and_not_repeated() {
    for (text, error) in [
        ("", UnusableLink::NoUrl),
        ("relay/#KEY", UnusableLink::NoUrl),
        ("https:///#KEY", UnusableLink::NoUrl),
        ("ftp://relay.example/#KEY", UnusableLink::Scheme),
        ("https://a:b@relay.example/#KEY", UnusableLink::NoUrl),
        ("https://relay.example/KEY/tunnel/x", UnusableLink::Path),
        ("https://relay.example/KEYx#KEY", UnusableLink::Path),
        ("https://relay.example/page-of-something/#KEY", UnusableLink::Path),
        ("https://relay.example/?KEY", UnusableLink::Path),
        ("https://relay.example/#short", UnusableLink::Key),
        ("https://relay.example/#KEY!x", UnusableLink::Key),
        ("https://relay.example/#KEY&addr=", UnusableLink::Parameter("addr")),
        ("https://relay.example/#KEY&addr=a:0", UnusableLink::Parameter("addr")),
        ("https://relay.example/#KEY&port=x", UnusableLink::Parameter("port")),
        ("https://relay.example/#KEY&pin=AA", UnusableLink::Parameter("pin")),
        ("https://relay.example/#KEY&ech=", UnusableLink::Parameter("ech")),
        ("https://relay.example/#KEY&root=", UnusableLink::Parameter("root")),
        ("https://relay.example/#KEY&root=123", UnusableLink::Parameter("root")),
        ("https://relay.example/#KEY&what=1", UnusableLink::Unknown),
        ("https://relay.example/#KEY&sni=a&sni=b", UnusableLink::Unknown),
        ("https://relay.example/#KEY&KEY", UnusableLink::Unknown),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
        assert!(!error.to_string().contains(KEY));
    }
    assert!(!format!("{:?}", usable("https://relay.example/#KEY")).contains(KEY));
}

#[test]
fn a_link_says_what_may_be_tried_and_what_only_its_operator_knows() {
    let link = usable("https://edge.relay.example/#KEY&sibling=*.relay.example&ports=8443,2053&ways=ports,cut");
    assert_eq!((link.sibling.as_deref(), &link.ports[..]), (Some("relay.example"), &[8443, 2053][..]));
    assert_eq!(link.allowed, Allowed { ports: true, cut: true, ..Allowed::NONE });
    assert_eq!(usable(&link.to_string()), link);
    let plain = usable("https://relay.example/#KEY&ways=plain");
    assert_eq!(plain.allowed, Allowed::NONE);
    assert_eq!(usable(&plain.to_string()), plain);
    assert_eq!(usable("https://relay.example/#KEY").allowed, Allowed::ALL);
    assert_eq!(usable("https://relay.example/#KEY&sibling=*.relay.example").sibling.as_deref(), Some("relay.example"));
    for (parameter, name) in [
        // It would lead to somebody else than the link says.
        ("sibling=*.evil.example", "sibling"),
        ("sibling=*.lay.example", "sibling"),
        ("sibling=relay.example", "sibling"),
        ("sibling=*.192.0.2.1", "sibling"),
        ("sibling=*.example", "sibling"),
        ("ports=1,2,3,4,5,6,7,8,9", "ports"),
        ("ports=0", "ports"),
        ("ports=", "ports"),
        ("ports=8443,x", "ports"),
        ("ways=", "ways"),
        ("ways=plain,cut", "ways"),
        ("ways=http", "ways"),
    ] {
        let link = format!("https://relay.example/#KEY&{parameter}");
        assert_eq!(parse(&link), Err(UnusableLink::Parameter(name)), "{parameter}");
    }
}
