//! What `pasarela share` says.

/// Beside the link of a relay.
pub(in super::super) const SECRET: &str =
    "Whoever has this link can use the relay. Give it only to people you trust, in private.";

/// Below the code of a relay.
pub(in super::super) fn relay(door: &str) -> String {
    format!(
        "It is for `pasarela bridge`. A browser opens the relay's page, with help, at {door}\n\
         That address stays in the browser's history, and programs that look into links see its key: it is better to send the link."
    )
}

/// Below the code of a proxy.
pub(in super::super) const PROXY: &str =
    "Open the link on the phone, or scan the code with its camera, and let WhatsApp use the proxy.";

pub(in super::super) const NO_LINK: &str = "the link cannot be used";
pub(in super::super) const NO_HOST: &str = "--bridge: not a name or an address alone";
pub(in super::super) const NO_FORMAT: &str = "--output: the name must end in .png, .svg or .txt";
pub(in super::super) const TOO_LONG: &str = "the link is too long for a QR code; --text prints it alone";
pub(in super::super) const NOT_WRITTEN: &str = "the file cannot be written";
pub(in super::super) const EXISTS: &str = "another name, or --force to replace what is there";
pub(in super::super) const ANOTHER_FILE: &str = "another folder, in which you may write";
