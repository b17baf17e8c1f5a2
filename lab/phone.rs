//! A phone behind the censor, and what of WhatsApp it gets.
//!
//! It dials again when its connection ends, as the app does. What it dials is `reach`'s.

use std::time::Duration;

use anyhow::{Result, ensure};
use pasarela_e2e::{handshake, measuring::ask};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

use crate::{reach::Reach, servers::Known};

/// How long a phone tries.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two of its attempts.
pub(crate) const AGAIN: Duration = Duration::from_millis(200);

/// Messages of a chat, and the bytes of each.
const MESSAGES: (usize, usize) = (20, 300);

/// What a phone got, in seconds; nothing where it was in vain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Got {
    /// From the first dial to WhatsApp's proven answer.
    pub connected: Option<f64>,
    /// The same for the next phone.
    pub again: Option<f64>,
    /// The longest that one of 20 messages waited for its answer.
    pub slowest_message: Option<f64>,
    /// Until 200 kB had come.
    pub small_file: Option<f64>,
    /// Until 5 MB had come.
    pub large_file: Option<f64>,
    /// What our bridge told programs of the network in the end.
    pub says: Option<String>,
}

/// What a phone does besides to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asks {
    /// Nothing.
    Nothing,
    /// It connects again, chats, and fetches 200 kB.
    Usual,
    /// And 5 MB.
    Whole,
}

/// Tries all of it over a reach that is started. What `moves` does to its network happens in the middle of the messages.
pub(crate) async fn try_all(
    reach: Reach,
    known: &Known,
    asks: Asks,
    moves: Option<impl FnOnce() -> Result<()>>,
) -> Result<Got> {
    let connected = until_it_works(async || chat(&reach, known).await).await;
    let mut got = Got { connected, ..Got::default() };
    if got.connected.is_some() && asks != Asks::Nothing {
        got.again = until_it_works(async || chat(&reach, known).await).await;
        got.slowest_message = timeout(PATIENCE, messages(&reach, moves)).await.ok().and_then(Result::ok);
        got.small_file = until_it_works(async || reach.file(200_000).await).await;
        if asks == Asks::Whole && got.small_file.is_some() {
            got.large_file = until_it_works(async || reach.file(5_000_000).await).await;
        }
    }
    got.says = reach.says();
    reach.end().await;
    Ok(got)
}

/// Repeats what fails; gives the seconds until it worked.
async fn until_it_works(mut attempt: impl AsyncFnMut() -> Result<()>) -> Option<f64> {
    let begun = Instant::now();
    let trying = async {
        while attempt().await.is_err() {
            sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, trying).await.ok().map(|()| begun.elapsed().as_secs_f64())
}

/// A chat's beginning, up to WhatsApp's proven answer.
pub(crate) async fn chat(reach: &Reach, known: &Known) -> Result<()> {
    handshake::over(&mut reach.chat().await?, &known.root).await
}

/// The longest that a message waited.
async fn messages(reach: &Reach, mut moves: Option<impl FnOnce() -> Result<()>>) -> Result<f64> {
    let mut phone = reach.chat().await?;
    phone.write_all(&ask("sim echo")).await?;
    let (count, size) = MESSAGES;
    let mut slowest = Duration::ZERO;
    for number in 0..count {
        if let Some(moves) = moves.take_if(|_| number == count / 2) {
            moves()?;
        }
        let message = vec![u8::try_from(number)?; size];
        let begun = Instant::now();
        phone.write_all(&message).await?;
        phone.flush().await?;
        let mut answer = vec![0; size];
        phone.read_exact(&mut answer).await?;
        ensure!(answer == message, "another answer");
        slowest = slowest.max(begun.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    Ok(slowest.as_secs_f64())
}
