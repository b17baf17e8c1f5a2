//! What a tunnel's ends say to each other, spoken by hand against every relay: opening, half-close, attachments, faults.

#![allow(clippy::wildcard_enum_match_arm, reason = "whatever else comes is the failure")]

use std::time::Duration;

use anyhow::{Result, ensure};
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::{
        message::{Ack, Budget, Control, Fin, Open, Opened, Reset, Resume, Resumed},
        upgrade,
    },
};
use pasarela_e2e::{
    measuring::ask,
    socket::{Event, Socket},
    tunnel::{Carrier, Said, open},
};

use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::relays::{Bench, Kind};

/// Every relay.
mod every {
    crate::relays::against_every_relay! {
        the_answer_follows_the_upgrade_without_a_further_message,
        the_clients_end_is_passed_on_while_data_flows_the_other_way,
        the_upstreams_end_is_passed_on_while_data_flows_the_other_way,
        an_upgrade_with_a_fault_gets_its_code,
        a_message_with_a_fault_gets_its_code,
        an_upstream_that_cannot_be_had_is_told_from_one_that_breaks,
        no_more_is_sent_than_the_budget_allows,
    }
}

/// All but an object in the older runtime, where no write to a broken connection ever fails: there it ends as idle.
mod told_by_a_write {
    crate::relays::against! { object Object: an_upstream_that_breaks_behind_its_end_is_told }
    crate::relays::against! { worker Worker: an_upstream_that_breaks_behind_its_end_is_told }
    crate::relays::against! { worker_in_old_runtime OldWorker: an_upstream_that_breaks_behind_its_end_is_told }
    crate::relays::against! { native Native: an_upstream_that_breaks_behind_its_end_is_told }
}

/// Relays that keep tunnels.
mod keeper {
    crate::relays::against_every_keeper! {
        a_newer_attachment_takes_over_and_an_older_is_refused,
        what_was_not_received_is_said_again_in_both_directions,
        a_session_is_found_by_nobody_else,
        a_reset_while_nobody_is_attached_is_told_on_the_next,
    }
}

/// Relays that do not.
mod forgetful {
    crate::relays::against! { worker Worker: without_an_object_nothing_is_kept }
    crate::relays::against! { worker_whose_object_is_refused Refused: without_an_object_nothing_is_kept }
    crate::relays::against! { worker_in_old_runtime OldWorker: without_an_object_nothing_is_kept }
}

async fn the_answer_follows_the_upgrade_without_a_further_message(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let mut early = ask("sim echo");
    early.resize(limits::EARLY_DATA, b'x');
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &early).await?;
    let Opened { window, session, .. } = carrier.opened().await?;
    ensure!(window == limits::WINDOW_MIN && session.is_some() == kind.keeps(), "{window} {session:?}");
    let mut echoed = Vec::new();
    while echoed.len() < early.len() - ask("sim echo").len() {
        let Said::Data(bytes) = carrier.next().await? else { anyhow::bail!("no data") };
        echoed.extend(bytes);
    }
    ensure!(echoed.iter().all(|byte| *byte == b'x'));
    carrier.say(&Control::Reset(Reset { code: Code::End })).await?;
    ensure!(carrier.next().await? == Said::Closed(1000, "end".into()));
    bench.must_be_idle().await
}

async fn the_clients_end_is_passed_on_while_data_flows_the_other_way(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let hello = ask("sim echo");
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &hello).await?;
    carrier.opened().await?;
    // More comes back than fits the window, and nothing of it is acknowledged yet.
    let window = limits::WINDOW_MIN as usize;
    let mut sent = hello.len() as u64;
    for _ in 0..6 {
        carrier.send(vec![7; window / 4]).await?;
        sent += window as u64 / 4;
        while carrier.next().await? != Said::Control(Control::Ack(Ack { n: sent, fin: false, window: None })) {}
    }
    ensure!(carrier.received == u64::from(limits::WINDOW_MIN), "{} bytes unread", carrier.received);
    carrier.say(&Control::Fin(Fin { n: sent })).await?;
    carrier.say(&Control::Ack(Ack { n: carrier.received, fin: false, window: None })).await?;
    // The simulator ends its side when it has seen the end of ours, and behind all that it had to say.
    let echoed = sent - hello.len() as u64;
    let (mut ended, mut acked) = (None, false);
    while ended.is_none() || !acked {
        match carrier.next().await? {
            Said::Data(bytes) => {
                ensure!(bytes.iter().all(|byte| *byte == 7));
                carrier.say(&Control::Ack(Ack { n: carrier.received, fin: false, window: None })).await?;
            }
            Said::Control(Control::Ack(ack)) => acked |= ack == Ack { n: sent, fin: true, window: None },
            Said::Control(Control::Fin(fin)) => ended = Some(fin.n),
            other => anyhow::bail!("{other:?}"),
        }
    }
    ensure!(ended == Some(echoed) && carrier.received == echoed, "{ended:?} of {echoed}");
    carrier.say(&Control::Ack(Ack { n: echoed, fin: true, window: None })).await?;
    carrier.close().await?;
    bench.must_be_idle().await
}

async fn the_upstreams_end_is_passed_on_while_data_flows_the_other_way(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let hello = ask("sim source 5");
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &hello).await?;
    carrier.opened().await?;
    carrier.download(5).await?;
    ensure!(carrier.control().await? == Control::Fin(Fin { n: 5 }));
    carrier.say(&Control::Ack(Ack { n: 5, fin: true, window: None })).await?;
    // The simulator reads on to our end.
    let mut sent = hello.len() as u64;
    for _ in 0..4 {
        carrier.send(vec![7; 16 << 10]).await?;
        sent += 16 << 10;
        let Control::Ack(ack) = carrier.control().await? else { anyhow::bail!("no acknowledgement") };
        ensure!(ack.n > 0 && ack.n <= sent && !ack.fin);
    }
    carrier.say(&Control::Fin(Fin { n: sent })).await?;
    // One more came before, if the window has grown.
    loop {
        let Control::Ack(ack) = carrier.control().await? else { anyhow::bail!("no acknowledgement") };
        ensure!(ack.n <= sent && (!ack.fin || ack.n == sent));
        if ack.fin {
            break;
        }
    }
    carrier.close().await?;
    bench.must_be_idle().await
}

async fn an_upgrade_with_a_fault_gets_its_code(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let good = upgrade::encode(&Control::Open(open(limits::WINDOW_MIN)), b"");
    let small = upgrade::encode(&Control::Open(open(limits::WINDOW_MIN - 1)), b"");
    for (offer, code) in [
        ("pasarela.v1".to_owned(), Code::Protocol),
        (format!("{good}, d.!"), Code::Protocol),
        (format!("{good}, d.AA, d.AA"), Code::Protocol),
        (small, Code::Protocol),
        (format!("pasarela.v1, m.{}", "A".repeat(6000)), Code::TooBig),
        (format!("{good}, d.{}", "A".repeat(4000)), Code::TooBig),
        (upgrade::encode(&Control::Open(open(limits::WINDOW_MIN)), b"GET / HTTP/1.1"), Code::Garbage),
    ] {
        Carrier::begin(&bench.url(), &offer, 0).await?.fails_with(code).await?;
    }
    // Without any subprotocol the answer has none either, and the reason is told all the same.
    let mut bare = Socket::connect(&bench.url()).await?;
    ensure!(matches!(bare.next().await?, Event::Text(text) if text.contains("protocol")));
    ensure!(bare.closed().await? == (4000, "protocol".to_owned()));
    bench.must_be_idle().await
}

async fn a_message_with_a_fault_gets_its_code(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let hello = ask("sim echo");
    for (text, code) in [
        ("{", Code::Protocol),
        (r#"{"later":{}}"#, Code::Protocol),
        (r#"{"ack":{"n":1}}"#, Code::Protocol),
        (r#"{"fin":{"n":1}}"#, Code::Protocol),
        (r#"{"opened":{"window":65536,"session":null}}"#, Code::Protocol),
        (&" ".repeat(5000), Code::TooBig),
    ] {
        let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &hello).await?;
        carrier.opened().await?;
        carrier.say_text(r#"{"x-whatever":[1,2,3]}"#).await?;
        carrier.say_text(text).await?;
        carrier.fails_with(code).await?;
    }
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &hello).await?;
    carrier.opened().await?;
    carrier.send(vec![0; limits::TUNNEL_CHUNK + 1]).await?;
    carrier.fails_with(Code::TooBig).await?;
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &hello).await?;
    carrier.opened().await?;
    carrier.send(vec![0; limits::WINDOW_MIN as usize + 1]).await?;
    carrier.fails_with(Code::Protocol).await?;
    bench.must_be_idle().await
}

async fn an_upstream_that_cannot_be_had_is_told_from_one_that_breaks(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, |options| options.var("UPSTREAM_CHAT", "127.0.0.1:1")).await?;
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &ask("sim echo")).await?;
    carrier.fails_with(Code::UpstreamRefused).await?;
    bench.must_be_idle().await?;
    let bench = Bench::start(kind).await?;
    // A sink that is sent anything but the pattern resets the connection.
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &ask("sim sink")).await?;
    carrier.opened().await?;
    carrier.send(vec![0xff; 100]).await?;
    carrier.fails_with(Code::UpstreamReset).await?;
    bench.must_be_idle().await
}

async fn an_upstream_that_breaks_behind_its_end_is_told(kind: Kind) -> Result<()> {
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let address = upstream.local_addr()?.to_string();
    let bench = Bench::with(kind, |options| options.var("UPSTREAM_CHAT", &address)).await?;
    let hello = ask("sim echo");
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &hello).await?;
    let (mut upstream, _) = upstream.accept().await?;
    upstream.shutdown().await?;
    carrier.opened().await?;
    ensure!(carrier.control().await? == Control::Fin(Fin { n: 0 }));
    carrier.say(&Control::Ack(Ack { n: 0, fin: true, window: None })).await?;
    upstream.set_zero_linger()?;
    drop(upstream);
    // No read is left to tell it, and of the writes only one behind the reset.
    let reset = loop {
        carrier.send(vec![7; 1000]).await?;
        match tokio::time::timeout(Duration::from_millis(20), carrier.next()).await {
            Ok(said) => break said?,
            Err(_) => ensure!(carrier.sent < 60_000, "it is never told"),
        }
    };
    ensure!(reset == Said::Control(Control::Reset(Reset { code: Code::UpstreamReset })), "{reset:?}");
    ensure!(carrier.next().await? == Said::Closed(1011, "upstream-reset".into()));
    carrier.close().await?;
    bench.must_be_idle().await
}

async fn no_more_is_sent_than_the_budget_allows(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let wish = Open { budget: Some(12 << 10), ..open(limits::WINDOW_MIN) };
    let mut carrier = Carrier::open(&bench.url(), wish, &ask("sim source 100000")).await?;
    carrier.opened().await?;
    carrier.download(12 << 10).await?;
    ensure!(carrier.received == 12 << 10, "{} bytes", carrier.received);
    // A raise is followed by exactly that much; one that lowers changes nothing.
    carrier.say(&Control::Budget(Budget { n: 1 })).await?;
    carrier.say(&Control::Budget(Budget { n: 20 << 10 })).await?;
    carrier.download(20 << 10).await?;
    ensure!(carrier.received == 20 << 10, "{} bytes", carrier.received);
    carrier.say(&Control::Budget(Budget { n: 1 << 20 })).await?;
    carrier.download(100_000).await?;
    ensure!(carrier.control().await? == Control::Fin(Fin { n: 100_000 }));
    carrier.say(&Control::Reset(Reset { code: Code::End })).await?;
    ensure!(carrier.next().await? == Said::Closed(1000, "end".into()));
    bench.must_be_idle().await
}

/// An echo stream whose first carrier has said nothing but the hello, and the name of its session.
async fn echo(bench: &Bench) -> Result<(Carrier, String)> {
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &ask("sim echo")).await?;
    let session = carrier.opened().await?.session;
    Ok((carrier, anyhow::Context::context(session, "no session")?))
}

fn resume(session: &str, attach: u64, received: u64) -> Resume {
    Resume { session: session.to_owned(), attach, received, window: limits::WINDOW_MIN, budget: None, packets: None }
}

async fn a_newer_attachment_takes_over_and_an_older_is_refused(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let hello = ask("sim echo").len() as u64;
    let (mut first, session) = echo(&bench).await?;
    let mut third = Carrier::resume(&bench.url(), resume(&session, 3, 0)).await?;
    ensure!(matches!(third.control().await?, Control::Resumed(Resumed { received, .. }) if received == hello));
    ensure!(third.control().await? == Control::Ack(Ack { n: hello, fin: false, window: None }));
    ensure!(first.next().await? == Said::Closed(4001, "superseded".into()));
    for late in [1, 2, 3] {
        Carrier::resume(&bench.url(), resume(&session, late, 0)).await?.fails_with(Code::Gone).await?;
    }
    third.send(&b"still here"[..]).await?;
    ensure!(third.next().await? == Said::Data("still here".into()));
    third.say(&Control::Reset(Reset { code: Code::End })).await?;
    ensure!(third.next().await? == Said::Closed(1000, "end".into()));
    bench.must_be_idle().await?;
    ensure!(bench.sim.stats().chat.total == 1, "{:?}", bench.sim.stats());
    Ok(())
}

async fn what_was_not_received_is_said_again_in_both_directions(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let hello = ask("sim echo").len() as u64;
    let (mut first, session) = echo(&bench).await?;
    first.send(&b"0123456789"[..]).await?;
    ensure!(first.next().await? == Said::Data("0123456789".into()));
    // As if the last seven bytes had been lost on the way to us.
    let mut second = Carrier::resume(&bench.url(), resume(&session, 1, 3)).await?;
    ensure!(matches!(second.control().await?, Control::Resumed(Resumed { received, .. }) if received == hello + 10));
    ensure!(matches!(second.control().await?, Control::Ack(ack) if ack.n == hello + 10));
    ensure!(second.next().await? == Said::Data("3456789".into()));
    // What claims to have been received must be possible, or the stream goes on as if nobody had asked.
    for wrong in [11, u64::MAX] {
        Carrier::resume(&bench.url(), resume(&session, 2, wrong)).await?.fails_with(Code::Gone).await?;
    }
    second.say(&Control::Ack(Ack { n: 10, fin: false, window: None })).await?;
    second.say(&Control::Fin(Fin { n: hello + 10 })).await?;
    let mut both = [second.control().await?, second.control().await?];
    both.sort_by_key(|control| matches!(control, Control::Fin(_)));
    ensure!(
        both == [Control::Ack(Ack { n: hello + 10, fin: true, window: None }), Control::Fin(Fin { n: 10 })],
        "{both:?}"
    );
    // The end is said again, too, and the acknowledgement of ours.
    let mut third = Carrier::resume(&bench.url(), resume(&session, 2, 10)).await?;
    ensure!(matches!(third.control().await?, Control::Resumed(_)));
    ensure!(third.control().await? == Control::Ack(Ack { n: hello + 10, fin: true, window: None }));
    ensure!(third.control().await? == Control::Fin(Fin { n: 10 }));
    third.say(&Control::Ack(Ack { n: 10, fin: true, window: None })).await?;
    third.close().await?;
    bench.must_be_idle().await
}

async fn a_session_is_found_by_nobody_else(kind: Kind) -> Result<()> {
    let keys = "ana=aaaaaaaaaaaaaaaaaaaa bo=bbbbbbbbbbbbbbbbbbbb";
    let bench = Bench::with(kind, |options| options.var("OPEN", "0").var("RELAY_KEYS", keys)).await?;
    let url = |key: &str| bench.url_of(&format!("/{}/tunnel", key.repeat(20)));
    let mut carrier = Carrier::open(&url("a"), open(limits::WINDOW_MIN), &ask("sim echo")).await?;
    let session = carrier.opened().await?.session.unwrap_or_default();
    Carrier::resume(&url("b"), resume(&session, 1, 0)).await?.fails_with(Code::Gone).await?;
    let guesses = if crate::common::soak() { 10_000 } else { 500 };
    for _ in 0..guesses / 50 {
        let guess = |_| {
            let url = url("a");
            tokio::spawn(async move {
                let name = format!("0.{}", &crate::common::hex(&rand::random::<[u8; 16]>())[..22]);
                Carrier::resume(&url, resume(&name, 1, 0)).await?.fails_with(Code::Gone).await
            })
        };
        for guess in (0..50).map(guess).collect::<Vec<_>>() {
            guess.await??;
        }
    }
    for odd in ["", ".", "0.", "300.x", "1.AAAAAAAAAAAAAAAAAAAAAA", &"x".repeat(2000)] {
        Carrier::resume(&url("a"), resume(odd, 1, 0)).await?.fails_with(Code::Gone).await?;
    }
    carrier.send(&b"undisturbed"[..]).await?;
    ensure!(carrier.next().await? == Said::Data("undisturbed".into()));
    Ok(())
}

async fn a_reset_while_nobody_is_attached_is_told_on_the_next(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &ask("sim sink")).await?;
    let session = carrier.opened().await?.session.unwrap_or_default();
    carrier.send(vec![0xff; 100]).await?;
    // Gone without a word, before the answer can come back.
    drop(carrier);
    let broken = bench.sim.wait_until(std::time::Duration::from_secs(10), |stats| stats.open() == 0).await;
    broken.map_err(|stats| anyhow::anyhow!("{stats:?}"))?;
    Carrier::resume(&bench.url(), resume(&session, 1, 0)).await?.fails_with(Code::UpstreamReset).await?;
    bench.must_be_idle().await
}

async fn without_an_object_nothing_is_kept(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &ask("sim echo")).await?;
    ensure!(carrier.opened().await?.session.is_none());
    drop(carrier);
    bench.must_be_idle().await?;
    let session = format!("0.{}", "A".repeat(22));
    let mut carrier = Carrier::resume(&bench.url(), resume(&session, 1, 0)).await?;
    if kind == Kind::Refused {
        // Perhaps the object is there again in a moment, and the session with it.
        ensure!(carrier.next().await? == Said::Closed(1013, "busy".into()));
        return Ok(());
    }
    carrier.fails_with(Code::Gone).await
}
