//! What the script of `../../www/check` calls, in JavaScript's types.

use pasarela_noise::WHATSAPP_ROOT;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    fault::Fault,
    proof::{self, Times, Verdict},
    qr,
};

/// One question to WhatsApp.
#[wasm_bindgen]
pub struct Proof {
    proof: proof::Proof,
    verdict: Verdict,
}

#[wasm_bindgen]
impl Proof {
    /// `random` is 32 fresh bytes; `root` is 32 bytes, or none for WhatsApp's own; times are Unix seconds. Nothing is given
    /// for bytes of another length.
    pub fn ask(random: &[u8], root: &[u8], now: f64, relay: Option<f64>) -> Option<Self> {
        let root = if root.is_empty() { WHATSAPP_ROOT } else { root.try_into().ok()? };
        let times = Times { now: now as u64, relay: relay.map(|seconds| seconds as u64) };
        let proof = proof::Proof::new(random.try_into().ok()?, root, times);
        Some(Self { proof, verdict: Verdict::More })
    }

    /// What is to be sent.
    pub fn hello(&self) -> Vec<u8> {
        self.proof.hello().to_vec()
    }

    /// Takes the next bytes; tells whether that was all that is needed.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        self.verdict = self.proof.take(bytes);
        self.verdict != Verdict::More
    }

    /// What is wrong, in one word; empty if nothing is.
    pub fn fault(&self) -> String {
        match self.verdict {
            Verdict::More | Verdict::Proven => String::new(),
            Verdict::Failed(fault) => fault.token().to_owned(),
        }
    }

    /// By how many seconds this device's clock is ahead of the relay's, if that is what is wrong and known.
    #[wasm_bindgen(js_name = clockOff)]
    pub fn clock_off(&self) -> Option<f64> {
        match self.verdict {
            Verdict::Failed(Fault::Clock { off }) => off.map(|seconds| seconds as f64),
            Verdict::More | Verdict::Proven | Verdict::Failed(_) => None,
        }
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
