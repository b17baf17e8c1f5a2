//! What the script of `../../www/check` calls, in JavaScript's types.

use pasarela_noise::{WHATSAPP_ROOT, proof};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    fault::{Fault, Times},
    qr,
};

/// One question to WhatsApp.
#[wasm_bindgen]
pub struct Proof {
    proof: proof::Proof,
    times: Times,
}

#[wasm_bindgen]
impl Proof {
    /// `random` is 32 fresh bytes; `root` is 32 bytes, or none for WhatsApp's own; times are Unix seconds. Nothing is given
    /// for bytes of another length.
    pub fn ask(random: &[u8], root: &[u8], now: f64, relay: Option<f64>) -> Option<Self> {
        let root = if root.is_empty() { WHATSAPP_ROOT } else { root.try_into().ok()? };
        let times = Times { now: now as u64, relay: relay.map(|seconds| seconds as u64) };
        Some(Self { proof: proof::Proof::new(random.try_into().ok()?, root), times })
    }

    /// What is to be sent.
    pub fn hello(&self) -> Vec<u8> {
        self.proof.hello().to_vec()
    }

    /// Takes the next bytes; tells whether that was all that is needed.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        self.proof.take(bytes)
    }

    /// What is wrong, in one word; empty if nothing is.
    pub fn fault(&self) -> String {
        Fault::of_answer(&self.proof, self.times).map_or_else(String::new, |fault| fault.token().to_owned())
    }

    /// By how many seconds this device's clock is ahead of the relay's, if that is what is wrong and known.
    #[wasm_bindgen(js_name = clockOff)]
    pub fn clock_off(&self) -> Option<f64> {
        let Some(Fault::Clock { off }) = Fault::of_answer(&self.proof, self.times) else { return None };
        off.map(|seconds| seconds as f64)
    }
}

/// What a WebSocket's end means, in one word.
#[wasm_bindgen(js_name = faultOfClose)]
pub fn fault_of_close(code: u16, reason: &str) -> String {
    Fault::of_close(code, reason).token().to_owned()
}

/// A QR code: its size, a space, its path; nothing for a text that is too long.
#[wasm_bindgen(js_name = qrCode)]
pub fn qr_code(text: &str) -> Option<String> {
    let picture = qr::picture(text).ok()?;
    Some(format!("{} {}", picture.size, picture.path))
}
