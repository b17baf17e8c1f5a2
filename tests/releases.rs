//! Releases differ: what a bridge and a relay of each release before said to each other is understood today, and what is said
//! today has all that they looked for.
//!
//! Each file in `releases/` is what went both ways on the connections of one stream, recorded between a bridge and a relay of
//! that release: 20 000 bytes and 20 000 more to the simulator's echo, with `--budget 16384`. A text is a control message, a
//! number that many bytes of the stream, a pair a close. Nothing in them is ever changed; a new release adds its own.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail, ensure};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use futures_util::{SinkExt, StreamExt};
use pasarela::tunnel::{Kind as Speaks, Options, Tunnel};
use pasarela_e2e::{
    measuring::ask,
    socket::{Event, Socket},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_every_keeper! { a_bridge_of_each_release_is_served }
}

const RELEASES: [&str; 1] = [include_str!("releases/0.1.0.json")];

/// One connection of the recorded stream.
struct Recorded {
    offer: String,
    up: Vec<Value>,
    down: Vec<Value>,
}

fn recorded(release: &str) -> Result<Vec<Recorded>> {
    let file: Value = serde_json::from_str(release)?;
    let carriers = file["carriers"].as_array().context("no carriers")?.iter().map(|carrier| {
        let list = |name: &str| carrier[name].as_array().cloned().context("no list");
        Ok(Recorded {
            offer: carrier["offer"].as_str().context("no offer")?.into(),
            up: list("up")?,
            down: list("down")?,
        })
    });
    carriers.collect()
}

fn parsed(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))
}

/// The only member of a control message.
fn body(message: &Value) -> Result<(&str, &Value)> {
    let members = message.as_object().context("no object")?;
    members.iter().next().map(|(kind, body)| (kind.as_str(), body)).context("an empty object")
}

/// All that a release of before may look for is in what is said today.
fn must_have_what_was(today: &Value, was: &[&Value]) -> Result<()> {
    let (kind, members) = body(today)?;
    let same = was.iter().filter_map(|was| body(was).ok()).filter(|(was, _)| *was == kind);
    // What is only there at times says so by its default: it was optional from the first.
    let needed = same.map(|(_, members)| members.as_object().cloned().unwrap_or_default());
    let needed = needed.min_by_key(serde_json::Map::len).with_context(|| format!("{kind} was never said"))?;
    for (name, value) in needed {
        let now = &members[&name];
        ensure!(std::mem::discriminant(now) == std::mem::discriminant(&value), "{kind} has {name}: {now}, not {value}");
    }
    Ok(())
}

/// The echoed stream.
fn sent() -> Vec<u8> {
    (0..40_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect()
}

/// The offer, with another session's name in its message.
fn offer(recorded: &str, session: Option<&str>) -> Result<String> {
    let (mut message, _) = parts(recorded)?;
    let Some(resume) = message.get_mut("resume") else { return Ok(recorded.to_owned()) };
    resume["session"] = json!(session.context("nothing was opened")?);
    Ok(format!("pasarela.v1, m.{}", BASE64_URL_SAFE_NO_PAD.encode(message.to_string())))
}

/// The message and the first bytes in an offer.
fn parts(offer: &str) -> Result<(Value, Vec<u8>)> {
    let mut parts = offer.split(", ");
    ensure!(parts.next() == Some("pasarela.v1"), "an offer that is not known: {offer}");
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).context("no base64");
    let message = decode(parts.next().and_then(|part| part.strip_prefix("m.")).context("no message")?)?;
    let early = parts.next().map(|part| part.strip_prefix("d.").context("something else").and_then(decode));
    Ok((parsed(std::str::from_utf8(&message)?)?, early.transpose()?.unwrap_or_default()))
}

/// What came of the stream's bytes on all connections.
struct Stream {
    sent: Vec<u8>,
    given: usize,
    got: usize,
}

impl Stream {
    fn takes(&mut self, bytes: &[u8]) -> Result<()> {
        let expected = self.sent.get(self.got..self.got + bytes.len()).context("more than was sent")?;
        ensure!(bytes == expected, "other bytes at {}", self.got);
        self.got += bytes.len();
        Ok(())
    }
}

async fn a_bridge_of_each_release_is_served(kind: Kind) -> Result<()> {
    for release in RELEASES {
        let bench = Bench::start(kind).await?;
        let carriers = recorded(release)?;
        let was: Vec<Value> = texts(carriers.iter().flat_map(|carrier| &carrier.down))?;
        let was: Vec<&Value> = was.iter().collect();
        let (mut stream, mut session) = (Stream { sent: sent(), given: 0, got: 0 }, None);
        let (mut open, mut fin) = (Vec::new(), false);
        for Recorded { offer: offered, up, .. } in &carriers {
            let offered = offer(offered, session.as_deref())?;
            let mut socket = Socket::connect_with(&bench.url(), &[("sec-websocket-protocol", &offered)]).await?;
            let Event::Text(first) = socket.next().await? else { bail!("its first word is no message") };
            let first = parsed(&first)?;
            must_have_what_was(&first, &was)?;
            match body(&first)? {
                ("opened", opened) => session = opened["session"].as_str().map(ToOwned::to_owned),
                ("resumed", resumed) => ensure!(resumed["received"] == stream.given + ask("sim echo").len()),
                (other, _) => bail!("it says {other} first"),
            }
            for said in up {
                if let Some(count) = said.as_u64() {
                    let count = usize::try_from(count)?;
                    let next = stream.sent[stream.given..][..count].to_vec();
                    stream.given += count;
                    socket.send(next).await?;
                    continue;
                }
                // It closes when all has been heard.
                let Some(text) = said.as_str() else { continue };
                let said = parsed(text)?;
                // It acknowledges what it has.
                let needs = said.pointer("/ack/n").and_then(Value::as_u64).unwrap_or(0);
                let ends = said.pointer("/ack/fin") == Some(&json!(true));
                while (stream.got as u64) < needs || ends && !fin {
                    match socket.next().await? {
                        Event::Binary(bytes) => stream.takes(&bytes)?,
                        Event::Text(text) => {
                            let said = parsed(&text)?;
                            must_have_what_was(&said, &was)?;
                            fin |= body(&said)?.0 == "fin";
                        }
                        Event::Closed(code, reason) => bail!("it closes with {code} {reason}"),
                    }
                }
                socket.send_text(text).await?;
            }
            open.push(socket);
        }
        ensure!(stream.got == stream.sent.len() && fin, "only {} bytes came back", stream.got);
        let mut last = open.pop().context("no connection")?;
        for (mut socket, Recorded { down, .. }) in open.into_iter().zip(&carriers) {
            let close = socket.closed().await?;
            ensure!(down.last() == Some(&json!([close.0, close.1])), "closed with {close:?}");
        }
        // It answers the bridge's close.
        last.close().await?;
        bench.must_be_idle().await?;
    }
    Ok(())
}

fn texts<'a>(said: impl Iterator<Item = &'a Value>) -> Result<Vec<Value>> {
    said.filter_map(Value::as_str).map(parsed).collect()
}

/// A relay that says what a release said, word for word but for numbers and names.
struct OldRelay {
    listener: TcpListener,
    carriers: Vec<Recorded>,
}

impl OldRelay {
    async fn start(release: &str) -> Result<Self> {
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, carriers: recorded(release)? })
    }

    /// The message of this kind as it was said, with these members changed.
    fn said(&self, kind: &str, members: &Value) -> Result<Message> {
        let all = texts(self.carriers.iter().flat_map(|carrier| &carrier.down))?;
        let same = all.into_iter().filter(|said| body(said).is_ok_and(|(was, _)| was == kind));
        // The shortest has nothing that depends on how the recorded stream went.
        let shortest = same.min_by_key(|said| said[kind].as_object().map(serde_json::Map::len));
        let mut said = shortest.with_context(|| format!("it never said {kind}"))?;
        for (name, value) in members.as_object().context("no members")? {
            said[kind][name] = value.clone();
        }
        Ok(Message::text(said.to_string()))
    }

    /// The next connection, and what its upgrade brings: a message, which has all that this release needs, and first bytes.
    async fn accepted(&self) -> Result<(WebSocketStream<TcpStream>, Value, Vec<u8>)> {
        let (tcp, _) = self.listener.accept().await?;
        let builder = ServerBuilder::new().add_header(http::header::SEC_WEBSOCKET_PROTOCOL, "pasarela.v1".parse()?)?;
        let (request, web) = builder.accept(tcp).await?;
        let offer = request.headers()["sec-websocket-protocol"].to_str()?;
        let (message, early) = parts(offer)?;
        let was = self.carriers.iter().map(|carrier| Ok(parts(&carrier.offer)?.0)).collect::<Result<Vec<_>>>()?;
        // A budget is only said by who was told to.
        let mut said = message.clone();
        for body in said.as_object_mut().context("no object")?.values_mut() {
            body["budget"] = json!(0);
        }
        must_have_what_was(&said, &was.iter().collect::<Vec<_>>())?;
        Ok((web, message, early))
    }

    /// Reads on until the client has sent so many bytes of its stream; gives its messages.
    async fn hears(&self, web: &mut WebSocketStream<TcpStream>, count: usize) -> Result<(Vec<u8>, Vec<Value>)> {
        let was = texts(self.carriers.iter().flat_map(|carrier| &carrier.up))?;
        let (mut bytes, mut said) = (Vec::new(), Vec::new());
        while bytes.len() < count || count == 0 && said.is_empty() {
            let message = web.next().await.context("it ends")??;
            if let Some(text) = message.as_text() {
                let message = parsed(text)?;
                must_have_what_was(&message, &was.iter().collect::<Vec<_>>())?;
                said.push(message);
            } else if message.is_binary() {
                bytes.extend_from_slice(message.as_payload());
            }
        }
        Ok((bytes, said))
    }
}

#[tokio::test]
async fn a_bridge_of_today_is_served_by_a_relay_of_each_release() -> Result<()> {
    for release in RELEASES {
        let relay = OldRelay::start(release).await?;
        let url = format!("ws://{}/a-key-of-the-tests/tunnel", relay.listener.local_addr()?);
        let serve = async {
            let (mut web, _, early) = relay.accepted().await?;
            let asked = ask("sim echo").len();
            web.send(relay.said("opened", &json!({ "session": "0.a-session" }))?).await?;
            let (rest, _) = relay.hears(&mut web, asked + 20_000 - early.len()).await?;
            let bytes = [early, rest].concat().split_off(asked);
            web.send(relay.said("ack", &json!({ "n": asked + 20_000 }))?).await?;
            web.send(Message::binary(bytes[..15_000].to_vec())).await?;
            web.flush().await?;
            drop(web);
            // It comes back.
            let (mut web, resume, _) = relay.accepted().await?;
            let had = usize::try_from(resume["resume"]["received"].as_u64().context("no number")?)?;
            ensure!(resume["resume"]["session"] == "0.a-session" && had <= 15_000, "{resume}");
            web.send(relay.said("resumed", &json!({ "received": asked + 20_000 }))?).await?;
            web.send(Message::binary(bytes[had..].to_vec())).await?;
            web.send(relay.said("fin", &json!({ "n": 20_000 }))?).await?;
            let mut ends = [false; 2];
            while ends != [true; 2] {
                for said in relay.hears(&mut web, 0).await?.1 {
                    ends[0] |= said.pointer("/fin/n") == Some(&json!(asked + 20_000));
                    ends[1] |= said["ack"] == json!({ "n": 20_000, "fin": true });
                }
            }
            web.send(relay.said("ack", &json!({ "n": asked + 20_000, "fin": true }))?).await?;
            while let Some(Ok(message)) = web.next().await {
                if message.is_close() {
                    return Ok(());
                }
            }
            bail!("it does not close")
        };
        let talk = async {
            let mut stream = Tunnel::new(Options::new(&url, Speaks::Chat)?).open();
            stream.write_all(&ask("sim echo")).await?;
            let sent = sent()[..20_000].to_vec();
            stream.write_all(&sent).await?;
            stream.shutdown().await?;
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await?;
            ensure!(got == sent, "{} other bytes came back", got.len());
            Ok(())
        };
        timeout(pasarela_e2e::socket::PATIENCE, async { tokio::try_join!(serve, talk) })
            .await
            .context("it stands still")??;
    }
    Ok(())
}
