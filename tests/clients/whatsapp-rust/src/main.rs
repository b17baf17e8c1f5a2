//! Drives the real, unmodified whatsapp-rust against a relay or the simulator and tells what the library saw.
//! `../README.md` holds the contract all three drivers keep.
//!
//! It does not pair, judge or start anything: `pasarela-sim` answers, the end-to-end tests judge. The certificate chain
//! is not verified in this build (a feature of the library, for the simulator's root); whatsmeow is the judge of that.

mod options;
mod tell;
mod wire;

use std::{process::ExitCode, sync::atomic::Ordering, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, interval, sleep_until, timeout},
};
use whatsapp_rust::{
    TokioRuntime,
    bot::{Bot, BotHandle},
    serde_json::json,
    transport::DisconnectReason,
    wacore::store::InMemoryBackend,
};

use options::{Options, USAGE};
use tell::tell;
use wire::{NoHttp, Seen, Watched};

const GOOD: u8 = 0;
const FAILED: u8 = 1;
const BAD_USAGE: u8 = 2;
const TIMED_OUT: u8 = 3;

/// Given, so that the library looks nothing up.
const VERSION: (u32, u32, u32) = (2, 3000, 1_033_846_690);
const CLOSE_GRACE: Duration = Duration::from_secs(2);
/// How often the device is looked at: the library reports stored routing info to nobody.
const LOOK: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let wanted = match Options::parse(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    tell::take_log();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()).into(),
    };
    let code = runtime.block_on(drive(&wanted));
    runtime.shutdown_background();
    code.into()
}

async fn drive(wanted: &Options) -> u8 {
    let (seen_in, seen) = mpsc::unbounded_channel();
    let (qr_in, qr) = mpsc::unbounded_channel();
    let built = Bot::builder()
        .with_backend(InMemoryBackend::new())
        .with_transport_factory(Watched::new(&wanted.url, seen_in))
        .with_http_client(NoHttp)
        .with_runtime(TokioRuntime)
        .with_version(VERSION)
        .on_qr_code(move |code, _valid| {
            let _ = qr_in.send(code);
            std::future::ready(())
        })
        .build()
        .await;
    let bot = match built {
        Ok(bot) => bot,
        Err(error) => return fail(&error.to_string()),
    };
    let client = bot.client();
    client.enable_auto_reconnect.store(false, Ordering::Relaxed);
    if let Some(info) = wanted.routing_info.clone() {
        client.persistence_manager().modify_device(|device| device.edge_routing_info = Some(info)).await;
    }
    tell(json!({ "event": "connecting" }));
    let mut running = bot.spawn();
    let code = judge(wanted, &mut running, seen, qr).await;
    // Closes the WebSocket; a run that has already ended has closed it.
    let _ = timeout(CLOSE_GRACE, running.shutdown()).await;
    code
}

/// Waits for the QR code and then for the end of the stay.
async fn judge(
    wanted: &Options,
    running: &mut BotHandle,
    mut seen: mpsc::UnboundedReceiver<Seen>,
    mut qr: mpsc::UnboundedReceiver<String>,
) -> u8 {
    let device = running.client().persistence_manager();
    let mut known = wanted.routing_info.clone();
    let mut look = interval(LOOK);
    let mut deadline = Instant::now() + wanted.timeout;
    let mut opened = None;
    let mut shown = false;
    loop {
        tokio::select! {
            biased;
            Some(seen) = seen.recv() => match seen {
                Seen::Opened(transport) => {
                    tell(json!({ "event": "open" }));
                    opened = Some(transport);
                }
                // The library's own doing, which it explains by ending the run.
                Seen::Closed(DisconnectReason::Unknown) => {}
                Seen::Closed(reason) => return closed(&reason),
                Seen::Refused(message) => return fail(&message),
            },
            Some(code) = qr.recv(), if !shown => {
                tell(json!({ "event": "qr", "qr": code }));
                shown = true;
                deadline = Instant::now() + wanted.stay;
            }
            () = &mut *running => return fail("the library gave up"),
            _ = look.tick() => {
                let stored = device.get_device_snapshot().edge_routing_info.clone();
                if stored.is_some() && stored != known {
                    tell(json!({ "event": "routing-info", "hex": hex(stored.as_deref().unwrap_or_default()) }));
                    known = stored;
                }
            }
            () = sleep_until(deadline) => {
                if shown {
                    return GOOD;
                }
                if let Some(transport) = opened {
                    transport.disconnect().await;
                }
                return TIMED_OUT;
            }
        }
    }
}

fn closed(reason: &DisconnectReason) -> u8 {
    let (code, text) = match reason {
        DisconnectReason::ServerClose { code, reason } => (*code, reason.clone()),
        DisconnectReason::StreamEnded | DisconnectReason::ReadError(_) | DisconnectReason::Unknown => {
            (None, reason.to_string())
        }
    };
    tell(json!({ "event": "close", "code": code, "reason": text }));
    FAILED
}

fn fail(message: &str) -> u8 {
    tell(json!({ "event": "error", "message": message }));
    FAILED
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
