//! Several keys on one relay: who takes all that there is does not keep out the others, and the operator sees who it is.

use anyhow::{Result, bail, ensure};
use pasarela_core::{codes::Code, limits, tunnel::message::Resume};
use pasarela_e2e::{
    http,
    measuring::ask,
    socket::Socket,
    tunnel::{Carrier, Said, open},
};
use tokio::task::JoinSet;

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against! { object Object: who_takes_all_tunnels_keeps_nobody_out }
    crate::relays::against! { worker Worker: who_takes_all_tunnels_keeps_nobody_out }
    crate::relays::against_both! { each_key_is_told_what_it_had_and_nothing_of_others }
    crate::relays::against! { platform Worker: a_warning_about_cpu_ends_one_stream }
    crate::relays::against! { platform_object Object: a_warning_about_cpu_ends_one_stream }
}

const KEYS: [&str; 2] = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"];
const ANA: usize = 0;
const BO: usize = 1;

async fn shared(kind: Kind) -> Result<Bench> {
    let [ana, bo] = KEYS;
    Bench::with(kind, |options| options.var("OPEN", "0").var("RELAY_KEYS", &format!("ana={ana} bo={bo}"))).await
}

/// A tunnel that echoes, its first answer read; or why there is none.
async fn tunnel(url: &str) -> Result<std::result::Result<(Carrier, Option<String>), String>> {
    let mut carrier = Carrier::open(url, open(limits::WINDOW_MIN), &ask("sim echo")).await?;
    Ok(match carrier.opened().await {
        Ok(opened) => Ok((carrier, opened.session)),
        Err(error) => Err(error.to_string()),
    })
}

async fn must_echo(carrier: &mut Carrier) -> Result<()> {
    carrier.send(&b"there?"[..]).await?;
    loop {
        match carrier.next().await? {
            Said::Control(_) => {}
            Said::Data(data) if data == "there?" => return Ok(()),
            said @ (Said::Data(_) | Said::Closed(..)) => bail!("not an echo but {said:?}"),
        }
    }
}

async fn who_takes_all_tunnels_keeps_nobody_out(kind: Kind) -> Result<()> {
    let bench = shared(kind).await?;
    let url = |who: usize| bench.url_of(&format!("/{}/tunnel", KEYS[who]));
    let mut before = tunnel(&url(BO)).await?.map_err(anyhow::Error::msg)?;
    // One after the other in each of some lines, as many as there may be with an object and without.
    let mut lines = JoinSet::new();
    for _ in 0..16 {
        let url = url(ANA);
        lines.spawn(async move {
            let mut opened = Vec::new();
            for _ in 0..2 * limits::SESSIONS / 16 + 4 {
                opened.extend(tunnel(&url).await?.ok());
            }
            anyhow::Ok(opened)
        });
    }
    let hers: Vec<_> = lines.join_all().await.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    ensure!(hers.len() > limits::SESSIONS / 2, "she has only {}", hers.len());
    ensure!(tunnel(&url(ANA)).await?.is_err(), "she has {} and would get more", hers.len());
    // He loses nothing, and gets what he asks for.
    must_echo(&mut before.0).await?;
    let mut his = Vec::new();
    for _ in 0..20 {
        let mut opened = tunnel(&url(BO)).await?.map_err(anyhow::Error::msg)?;
        must_echo(&mut opened.0).await?;
        ensure!(opened.1.is_some() == kind.keeps(), "his cannot be resumed");
        his.push(opened.0);
    }
    // Also what waits for its client.
    let session = before.1.unwrap_or_default();
    drop(before.0);
    let _ = tunnel(&url(ANA)).await?;
    if kind.keeps() {
        let resume =
            Resume { session, attach: 1, received: 6, window: limits::WINDOW_MIN, budget: None, packets: None };
        must_echo(&mut resumed(&url(BO), resume).await?).await?;
    }
    Ok(())
}

async fn resumed(url: &str, resume: Resume) -> Result<Carrier> {
    let mut carrier = Carrier::resume(url, resume).await?;
    carrier.control().await?;
    Ok(carrier)
}

async fn each_key_is_told_what_it_had_and_nothing_of_others(kind: Kind) -> Result<()> {
    let bench = shared(kind).await?;
    let [ana, bo] = KEYS.map(|key| format!("/{key}"));
    let own = async |path: &str| {
        let status = http::request(bench.address(), "GET", &format!("{path}/status.json"), &[]).await?;
        ensure!(!status.body.contains("ana") && !status.body.contains("bo\""), "it names somebody: {}", status.body);
        let own = status.json()?["own"].clone();
        let numbers = ["streams", "up_bytes_total", "down_bytes_total", "refused_total"].map(|name| own[name].as_u64());
        anyhow::Ok(numbers.map(|number| number.unwrap_or(u64::MAX)))
    };
    ensure!(own(&ana).await? == [0; 4], "numbers before there was anything");
    let mut tunnel = tunnel(&bench.url_of(&format!("{ana}/tunnel"))).await?.map_err(anyhow::Error::msg)?.0;
    must_echo(&mut tunnel).await?;
    let mut pipe = Socket::connect(&bench.url_of(&format!("{ana}/pipe/chat"))).await?;
    pipe.send(ask("sim echo")).await?;
    pipe.send(&b"here"[..]).await?;
    ensure!(pipe.binary().await? == b"here"[..], "not an echo");
    let up = 2 * ask("sim echo").len() as u64 + 10;
    ensure!(own(&ana).await? == [2, up, 10, 0], "told {:?}, not {up} bytes up and 10 down", own(&ana).await?);
    ensure!(own(&bo).await? == [0; 4], "the other is told {:?}", own(&bo).await?);
    Ok(())
}

async fn a_warning_about_cpu_ends_one_stream(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, |options| options.instrumented()).await?;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
        socket.send(ask("sim echo")).await?;
        streams.push(socket);
    }
    for socket in &mut streams {
        socket.send(&b"here"[..]).await?;
        ensure!(socket.binary().await? == b"here"[..], "not an echo");
    }
    http::request(bench.address(), "GET", "/", &[("x-instrument", "cpu")]).await?;
    let mut first = streams.remove(0);
    first.send(&b"too much"[..]).await?;
    ensure!(first.closed().await? == (Code::Cpu.number(), Code::Cpu.token().to_owned()), "ended otherwise");
    for socket in &mut streams {
        socket.send(&b"still here"[..]).await?;
        ensure!(socket.binary().await? == b"still here"[..], "not an echo");
    }
    Ok(())
}
