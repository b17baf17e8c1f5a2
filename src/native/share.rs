//! What a relay or a proxy is passed on as: the link that WhatsApp understands, and QR codes of links.
//!
//! It reads and writes no file and prints nothing. A relay's own link is `link`'s, how it all is offered the command line's.

mod proxy;
mod qr;

pub use proxy::{Proxy, UnusableProxy, wa_me};
pub use qr::{Canvas, Qr, TooLong};
