//! What is said to somebody who clicked on the program.

use crate::link::UnusableLink;

pub(in super::super) const WELCOME: &str = "\
Pasarela lets the WhatsApp on your phone connect through a relay. This computer must be in the same Wi-Fi as the phone.
Copy the link that somebody gave you, paste it here with the right mouse button or Ctrl-V, and press Enter.
(In a terminal, pasarela --help says what else there is.)

";

pub(in super::super) const LINK: &str = "Link: ";

pub(in super::super) fn wrong(error: &UnusableLink) -> String {
    format!("This is not a whole link: {error}. Copy it again from where you got it.\n")
}

pub(in super::super) const CLOSE: &str = "\nPress Enter to close this window.";
