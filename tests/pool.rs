//! The bridge when relays are dead: the phone is connected through another, and why it is another is told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use pasarela::{
    bridge::{Index, Tuning},
    serve,
    trouble::Trouble,
    tunnel::Timing,
};
use pasarela_core::{codes::Code, config::Config};
use pasarela_e2e::{
    bridge::Bridge,
    dead::{Dead, Death},
    measuring::ask,
    phone::{self, Way},
    socket::PATIENCE,
};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use crate::relays::{Bench, Kind};

/// Nothing is done within this time, so that it must be for another reason.
const NEVER: Duration = Duration::from_secs(600);

/// WhatsApp's apps begin again after 20 s; less is asked for, which the printed times are for.
const SOON: Duration = Duration::from_secs(12);

/// A relay that reaches nothing is given up soon.
fn tuning() -> Tuning {
    Tuning { open: Duration::from_secs(6), ..Tuning::default() }
}

fn link(bench: &Bench) -> String {
    format!("http://{}/", bench.address())
}

/// The phone is connected through the second relay, at once when it comes again, and the first one's trouble is told.
async fn second_one_helps(
    what: &str,
    first: String,
    roots: Vec<CertificateDer<'static>>,
    trouble: Trouble,
) -> Result<()> {
    for kind in [Kind::Object, Kind::Native] {
        let bench = Bench::start(kind).await?;
        let bridge = Bridge::trusting(&[first.clone(), link(&bench)], tuning(), roots.clone()).await?;
        for time in ["first", "second"] {
            let begun = Instant::now();
            let chat = timeout(SOON, phone::chat(bridge.port()?, Way::Raw, bench.sim.root_key())).await;
            let mut chat = chat.with_context(|| format!("{what}: nothing soon"))??;
            chat.ask(PATIENCE).await?;
            eprintln!("{what}, then {kind:?}: the {time} connection took {} ms", begun.elapsed().as_millis());
            ensure!(bridge.bridge.standing().relay == Some(Index(1)), "{:?}", bridge.bridge.standing());
        }
        let told =
            |told: Option<(Index, Trouble, _)>| told.is_some_and(|(of, what, _)| (of, what) == (Index(0), trouble));
        bridge.until(|standing| told(standing.problem)).await.context(what.to_owned())?;
        ensure!(bridge.bridge.standing().failed == 0, "{:?}", bridge.bridge.standing());
        bridge.bridge.shutdown().await;
        bench.must_be_idle().await?;
    }
    Ok(())
}

async fn second_one_helps_after(death: Death, trouble: Trouble) -> Result<()> {
    let dead = Dead::start(death).await?;
    second_one_helps(&format!("{death:?}"), dead.link.clone(), dead.authorities.clone(), trouble).await
}

#[tokio::test]
async fn the_second_relay_helps_when_the_first_is_refused() -> Result<()> {
    second_one_helps_after(Death::Refused, Trouble::Refused).await
}

#[tokio::test]
async fn the_second_relay_helps_when_the_first_is_in_a_black_hole() -> Result<()> {
    second_one_helps_after(Death::BlackHole, Trouble::ConnectTimeout).await
}

#[tokio::test]
async fn the_second_relay_helps_when_the_first_is_cut_off_behind_its_name() -> Result<()> {
    second_one_helps_after(Death::CutAfterHello, Trouble::TlsReset).await
}

#[tokio::test]
async fn the_second_relay_helps_when_another_answers_for_the_first() -> Result<()> {
    second_one_helps_after(Death::OtherName, Trouble::CertificateName).await
}

#[tokio::test]
async fn the_second_relay_helps_when_the_first_is_forbidden() -> Result<()> {
    second_one_helps_after(Death::Forbidden, Trouble::Status(403)).await
}

#[tokio::test]
async fn the_second_relay_helps_when_the_first_fails() -> Result<()> {
    second_one_helps_after(Death::WorkerFailed, Trouble::ErrorPage(1101)).await
}

#[tokio::test]
async fn the_second_relay_helps_when_the_key_of_the_first_is_wrong() -> Result<()> {
    second_one_helps_after(Death::NotFound, Trouble::Key).await?;
    let closed = Bench::with(Kind::Object, |options| options.var("OPEN", "0").var("RELAY_KEYS", &format!("me={KEY}")));
    let closed = closed.await?;
    second_one_helps("WrongKey", format!("{}#{KEY}-another", link(&closed)), Vec::new(), Trouble::Key).await
}

/// A phone that sits on a dead relay beside one that works would miss its messages.
#[tokio::test]
async fn a_stream_whose_relay_dies_is_given_up_soon_if_another_works() -> Result<()> {
    let tuning = Tuning { leave: Duration::from_secs(1), ..tuning() };
    // Killed, it says nothing to anybody; a native one that is dropped does.
    for kind in [Kind::Object, Kind::Worker] {
        let (first, second) = (Bench::start(kind).await?, Bench::start(kind).await?);
        let bridge = Bridge::start(&[link(&first), link(&second)], tuning).await?;
        let mut chat = phone::chat(bridge.port()?, Way::Raw, first.sim.root_key()).await?;
        chat.ask(PATIENCE).await?;
        ensure!(bridge.bridge.standing().relay == Some(Index(0)));
        let _sim = first.without_relay();
        let begun = Instant::now();
        let lost = timeout(SOON, async { while chat.ask(PATIENCE).await.is_ok() {} }).await;
        lost.context("the phone waits for the dead relay")?;
        eprintln!("{kind:?}: given up after {} ms", begun.elapsed().as_millis());
        let mut chat = phone::chat(bridge.port()?, Way::Raw, second.sim.root_key()).await?;
        chat.ask(PATIENCE).await?;
        let standing = bridge.bridge.standing();
        ensure!(standing.relay == Some(Index(1)) && standing.problem.is_some(), "{standing:?}");
        bridge.bridge.shutdown().await;
        second.must_be_idle().await?;
    }
    Ok(())
}

/// In a black hole, as when its power fails: nobody says that it is gone. A phone that talks notices, and one that waits.
#[tokio::test]
async fn a_relay_that_falls_silent_is_left_by_who_talks_and_by_who_waits() -> Result<()> {
    let timing = Timing {
        ping: Duration::from_secs(1),
        quiet: Duration::from_millis(300),
        pong: Duration::from_millis(400),
        ..Timing::DEFAULT
    };
    let tuning = Tuning { leave: Duration::from_secs(1), timing, ..tuning() };
    for talks in [true, false] {
        let (first, second) = (Bench::start(Kind::Object).await?, Bench::start(Kind::Object).await?);
        let bridge = Bridge::start(&[link(&first), link(&second)], tuning).await?;
        let mut chat = phone::chat(bridge.port()?, Way::Raw, first.sim.root_key()).await?;
        chat.ask(PATIENCE).await?;
        let pid = Pid::from_raw(first.workerd()?.pid().try_into()?).context("no pid")?;
        kill_process(pid, Signal::STOP)?;
        let begun = Instant::now();
        let lost = async {
            if talks {
                while chat.ask(PATIENCE).await.is_ok() {}
            } else {
                chat.until_lost().await;
            }
        };
        timeout(SOON, lost).await.context("the phone waits for the silent relay")?;
        eprintln!("talks: {talks}: given up after {} ms", begun.elapsed().as_millis());
        let mut chat = phone::chat(bridge.port()?, Way::Raw, second.sim.root_key()).await?;
        chat.ask(PATIENCE).await?;
        ensure!(bridge.bridge.standing().relay == Some(Index(1)), "{:?}", bridge.bridge.standing());
    }
    Ok(())
}

/// With nowhere else to go it waits, as long as the relay would.
#[tokio::test]
async fn a_stream_whose_relay_is_lost_is_kept_if_no_other_can_be_reached() -> Result<()> {
    let tuning = Tuning { leave: Duration::from_millis(500), ..tuning() };
    let bench = Bench::start(Kind::Object).await?;
    let bridge = Bridge::start(&[link(&bench), "http://127.0.0.1:9/".to_owned()], tuning).await?;
    let mut chat = phone::chat(bridge.port()?, Way::Raw, bench.sim.root_key()).await?;
    chat.ask(PATIENCE).await?;
    let _sim = bench.without_relay();
    ensure!(timeout(Duration::from_secs(4), chat.ask(NEVER)).await.is_err(), "it is given up for nothing");
    Ok(())
}

/// The right one.
const KEY: &str = "a-key-of-the-tests";

#[tokio::test]
async fn the_second_relay_helps_when_the_first_accepts_and_is_silent() -> Result<()> {
    second_one_helps_after(Death::Mute, Trouble::UpstreamTimeout).await
}

#[tokio::test]
async fn the_second_relay_helps_when_whatsapp_is_silent_to_the_first() -> Result<()> {
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    for kind in [Kind::Object, Kind::Native] {
        let bench = blind(kind, mute.local_addr()?).await?;
        second_one_helps(&format!("UpstreamSilent of {kind:?}"), link(&bench), Vec::new(), Trouble::UpstreamTimeout)
            .await?;
        bench.has_tunnels(0).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_second_relay_helps_when_whatsapp_is_refused_to_the_first() -> Result<()> {
    let nobody = TcpSocket::new_v4()?;
    nobody.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    for kind in [Kind::Object, Kind::Native] {
        let bench = blind(kind, nobody.local_addr()?).await?;
        let trouble = Trouble::Stream(Code::UpstreamRefused);
        second_one_helps(&format!("UpstreamRefused of {kind:?}"), link(&bench), Vec::new(), trouble).await?;
    }
    Ok(())
}

/// A relay before this WhatsApp.
async fn blind(kind: Kind, upstream: SocketAddr) -> Result<Bench> {
    Bench::with(kind, |options| options.var("UPSTREAM_CHAT", &upstream.to_string())).await
}

#[tokio::test]
async fn what_is_known_to_be_dead_is_left_alone() -> Result<()> {
    let dead = Dead::start(Death::Forbidden).await?;
    let bench = Bench::start(Kind::Native).await?;
    let bridge = Bridge::start(&[dead.link.clone(), link(&bench)], tuning()).await?;
    for _ in 0..3 {
        phone::chat(bridge.port()?, Way::Raw, bench.sim.root_key()).await?.ask(PATIENCE).await?;
        ensure!(dead.asked() == 1, "it was asked {} times", dead.asked());
    }
    Ok(())
}

#[tokio::test]
async fn a_relay_that_was_dead_is_used_again_when_it_works() -> Result<()> {
    let place = TcpSocket::new_v4()?;
    place.set_reuseaddr(true)?;
    place.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = place.local_addr()?;
    let second = Bench::start(Kind::Native).await?;
    let short = Duration::from_millis(1);
    let tuning = Tuning { cooldown: (short, short), ..tuning() };
    let bridge = Bridge::start(&[format!("http://{address}/"), link(&second)], tuning).await?;
    phone::chat(bridge.port()?, Way::Raw, second.sim.root_key()).await?;
    ensure!(bridge.bridge.standing().relay == Some(Index(1)), "{:?}", bridge.bridge.standing());

    let listener = place.listen(16)?;
    let vars = |name: &str| match name {
        "OPEN" => Some("1".to_owned()),
        "UPSTREAM_CHAT" => Some(second.sim.chat().to_string()),
        _ => None,
    };
    let first = serve::Relay::start(listener, Config::from_vars(vars)?)?;
    let root = *second.sim.root_key();
    let _sim = second.without_relay();
    for _ in 0..2 {
        phone::chat(bridge.port()?, Way::Raw, &root).await?.ask(PATIENCE).await?;
    }
    let standing = bridge.bridge.standing();
    ensure!(standing.relay == Some(Index(0)) && standing.failed == 0, "{standing:?}");
    ensure!(standing.problem.is_some_and(|(of, what, _)| (of, what) == (Index(1), Trouble::Refused)), "{standing:?}");
    drop(first);
    Ok(())
}

/// So that it says something that none is in the next test.
#[tokio::test]
async fn where_the_network_is_to_blame_other_hellos_are_tried() -> Result<()> {
    let dead = Dead::start(Death::CutAfterHello).await?;
    let bench = Bench::start(Kind::Native).await?;
    let bridge = Bridge::start(&[dead.link.clone(), link(&bench)], tuning()).await?;
    phone::chat(bridge.port()?, Way::Raw, bench.sim.root_key()).await?.ask(PATIENCE).await?;
    // All that could be tried was.
    bridge.until(|standing| standing.problem.is_some()).await?;
    ensure!(dead.disguised() > 0 && dead.disguised() < dead.asked(), "{} of {}", dead.disguised(), dead.asked());
    Ok(())
}

/// Another name, another port or another hello would not help, and none is tried.
#[tokio::test]
async fn a_relay_that_is_itself_broken_is_said_to_be_and_not_the_network() -> Result<()> {
    let bench = Bench::start(Kind::Native).await?;
    let nobody = TcpSocket::new_v4()?;
    nobody.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    for (death, trouble) in [
        (Death::Forbidden, Trouble::Status(403)),
        (Death::WorkerFailed, Trouble::ErrorPage(1101)),
        (Death::NotFound, Trouble::Key),
        (Death::Mute, Trouble::UpstreamTimeout),
    ] {
        let dead = Dead::behind_tls(death).await?;
        let first = format!("{}&sibling=*.dead.example&ports={}", dead.link, nobody.local_addr()?.port());
        let bridge = Bridge::trusting(&[first, link(&bench)], tuning(), dead.authorities.clone()).await?;
        phone::chat(bridge.port()?, Way::Raw, bench.sim.root_key()).await?.ask(PATIENCE).await?;
        let told = bridge.until(|standing| standing.problem.is_some()).await?;
        ensure!(told.problem.is_some_and(|(of, what, _)| (of, what) == (Index(0), trouble)), "{death:?}: {told:?}");
        // A stream asks again until another relay has it; how often, the machine's load decides.
        ensure!(dead.asked() > 0 && dead.disguised() == 0, "{death:?}: {} of {}", dead.disguised(), dead.asked());
        bridge.bridge.shutdown().await;
    }
    Ok(())
}

/// A phone that has said what it says first, and hears how that ends.
async fn turned_away(bridge: &Bridge) -> Result<()> {
    let mut phone = TcpStream::connect(bridge.port()?).await?;
    phone.write_all(&ask("sim echo")).await?;
    let end = timeout(PATIENCE, phone.read(&mut [0])).await.context("the phone is left waiting")?;
    ensure!(end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "{end:?}");
    bridge.until(|standing| standing.failed == 1 && standing.connections == 0).await?;
    Ok(())
}

#[tokio::test]
async fn a_phone_is_reset_at_once_if_all_relays_refuse_for_good() -> Result<()> {
    let (key, forbidden) = (Dead::start(Death::NotFound).await?, Dead::start(Death::Forbidden).await?);
    let tuning = Tuning { open: NEVER, hedge: NEVER, ..Tuning::default() };
    turned_away(&Bridge::start(&[key.link.clone(), forbidden.link.clone()], tuning).await?).await
}

#[tokio::test]
async fn a_phone_is_reset_in_time_if_all_relays_are_dead() -> Result<()> {
    let (hole, mute) = (Dead::start(Death::BlackHole).await?, Dead::start(Death::Mute).await?);
    let tuning = Tuning { open: Duration::from_secs(3), ..Tuning::default() };
    let bridge = Bridge::start(&[hole.link.clone(), mute.link.clone()], tuning).await?;
    turned_away(&bridge).await?;
    let problem = bridge.bridge.standing().problem;
    ensure!(problem.is_some(), "nobody is told why");
    Ok(())
}

#[tokio::test]
async fn a_phone_that_goes_while_relays_are_tried_leaves_nothing() -> Result<()> {
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let hole = Dead::start(Death::BlackHole).await?;
    for (kind, resets) in [(Kind::Object, true), (Kind::Native, true), (Kind::Native, false)] {
        let bench = blind(kind, mute.local_addr()?).await?;
        let tuning = Tuning { open: NEVER, ..Tuning::default() };
        let bridge = Bridge::start(&[link(&bench), hole.link.clone()], tuning).await?;
        let mut phone = TcpStream::connect(bridge.port()?).await?;
        phone.write_all(&ask("sim echo")).await?;
        bench.has_tunnels(1).await?;
        if resets {
            phone.set_zero_linger()?;
        }
        drop(phone);
        bridge.until(|standing| standing.connections == 0).await?;
        bench.has_tunnels(0).await?;
        ensure!(bridge.bridge.standing().failed == 0, "it left by itself: {:?}", bridge.bridge.standing());
    }
    Ok(())
}
