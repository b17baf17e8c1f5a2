//! How fast a phone gets what it wants over a reach: first bytes, files both ways, and chat again after its network has changed.
//!
//! What is compared, on which lines, is `speeds`'s.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{measuring::ask, official, phone};
use pasarela_sim::pattern;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

use crate::{
    phone::{AGAIN, chat},
    reach::Reach,
    servers::Known,
    system::Cargo,
};

/// What a chat's history is, in bytes.
pub const HISTORY: u64 = 500_000;

/// What a film of some seconds is, in bytes.
pub const FILE: u64 = 2_000_000;

/// One figure may take this long.
const PATIENCE: Duration = Duration::from_secs(50);

/// After so long without an answer a program dials again: whatsapp-rust, the soonest of the libraries.
const SILENCE: Duration = Duration::from_secs(20);

/// Before what comes next: a bridge may use it to connect ahead.
const PAUSE: Duration = Duration::from_secs(2);

/// Bytes written at once.
const CHUNK: u64 = 16 << 10;

/// WhatsApp's host for media.
const HOST: &str = "mmg.whatsapp.net";

/// In seconds; nothing where it was in vain, or not of this cargo.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Speed {
    /// From the first phone's dial to WhatsApp's proven answer.
    pub first: Option<f64>,
    /// The same for the next phone.
    pub next: Option<f64>,
    /// Until [`HISTORY`] had come, or of media [`FILE`].
    pub down: Option<f64>,
    /// Until the far end had that much.
    pub up: Option<f64>,
    /// From when the phone's address changed until a message was answered.
    pub recovered: Option<f64>,
}

impl Speed {
    /// Measures it.
    pub(crate) async fn of(reach: Reach, known: &Known, cargo: Cargo, move_away: impl FnOnce() -> Result<()>) -> Self {
        let speed = match cargo {
            Cargo::Chat => Self {
                first: seconds(chat(&reach, known)).await,
                next: rested(chat(&reach, known)).await,
                down: rested(reach.file(HISTORY)).await,
                up: rested(sent(&reach, HISTORY)).await,
                recovered: recovered(&reach, move_away).await.ok(),
            },
            Cargo::Media => {
                // So that what follows is not the first.
                let _ = seconds(phone::download(reach.media(), &known.media, 1, |_| ())).await;
                Self {
                    down: rested(phone::download(reach.media(), &known.media, FILE, |_| ())).await,
                    up: rested(posted(&reach, known)).await,
                    ..Self::default()
                }
            }
        };
        reach.end().await;
        speed
    }
}

async fn seconds(work: impl Future<Output = Result<()>>) -> Option<f64> {
    let begun = Instant::now();
    timeout(PATIENCE, work).await.ok()?.ok().map(|()| begun.elapsed().as_secs_f64())
}

async fn rested(work: impl Future<Output = Result<()>>) -> Option<f64> {
    sleep(PAUSE).await;
    seconds(work).await
}

/// Sends so many bytes as chat, until the far end has verified all of them.
async fn sent(reach: &Reach, size: u64) -> Result<()> {
    let mut phone = reach.chat().await?;
    phone.write_all(&ask("sim sink")).await?;
    let (mut read, mut write) = tokio::io::split(phone);
    let verified = async {
        let mut verified = 0;
        while verified < size {
            verified = read.read_u64().await.with_context(|| format!("ended after {verified} bytes"))?;
        }
        anyhow::Ok(())
    };
    let (verified, written) = tokio::join!(verified, pattern_into(&mut write, size));
    verified.and(written)
}

/// Sends a file to the host for media, in TLS of its own.
async fn posted(reach: &Reach, known: &Known) -> Result<()> {
    let mut session = official::media(reach.media(), HOST, &known.media).await?;
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {FILE}\r\nConnection: close\r\n\r\n");
    session.write_all(head.as_bytes()).await?;
    pattern_into(&mut session, FILE).await?;
    let mut answer = Vec::new();
    session.read_to_end(&mut answer).await?;
    ensure!(answer.ends_with(format!("\r\n\r\n{FILE}").as_bytes()), "another answer");
    Ok(())
}

async fn pattern_into(write: &mut (impl AsyncWriteExt + Unpin), size: u64) -> Result<()> {
    let mut at = 0;
    while at < size {
        let mut bytes = vec![0; usize::try_from(CHUNK.min(size - at))?];
        pattern::fill(at, &mut bytes);
        write.write_all(&bytes).await?;
        at += bytes.len() as u64;
    }
    Ok(write.flush().await?)
}

/// The seconds from when the address changes until a message is answered, over the same connection or another.
async fn recovered(reach: &Reach, move_away: impl FnOnce() -> Result<()>) -> Result<f64> {
    let mut phone = reach.chat().await?;
    phone.write_all(&ask("sim echo")).await?;
    echoed(&mut phone).await?;
    move_away()?;
    let begun = Instant::now();
    let again = async {
        if timeout(SILENCE, echoed(&mut phone)).await.is_ok_and(|it| it.is_ok()) {
            return;
        }
        loop {
            let dialled = async {
                let mut phone = reach.chat().await?;
                phone.write_all(&ask("sim echo")).await?;
                echoed(&mut phone).await
            };
            if timeout(SILENCE, dialled).await.is_ok_and(|it| it.is_ok()) {
                return;
            }
            sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, again).await.context("never again")?;
    Ok(begun.elapsed().as_secs_f64())
}

/// A message, and its answer.
async fn echoed(phone: &mut pasarela::tunnel::BoxedStream) -> Result<()> {
    phone.write_all(b"a message").await?;
    phone.flush().await?;
    let mut answer = [0; 9];
    phone.read_exact(&mut answer).await?;
    ensure!(answer == *b"a message", "another answer");
    Ok(())
}
