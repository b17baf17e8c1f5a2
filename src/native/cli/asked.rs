//! The program without any arguments, as somebody starts it who clicks on it: asks for the link or a picture of its code, and keeps the
//! window until what went wrong has been read.
//!
//! Only on Windows, where a window comes with the program and vanishes with it; `main` decides that.

use std::{ffi::OsString, io::BufRead, process::ExitCode};

use super::{
    picture,
    texts::{asked as texts, unusable},
};
use crate::link::{Link, UnusableLink, several};

/// What to do then: `bridge` with the link that was typed or pasted. Nothing if nobody is there to ask.
pub(super) fn arguments(program: &OsString, input: &mut dyn BufRead) -> Option<Vec<OsString>> {
    eprint!("{}", texts::WELCOME);
    loop {
        eprint!("{}", texts::LINK);
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let links = match picture::named(&line) {
            Some(Ok(link)) => vec![link.to_string()],
            Some(Err(failure)) => {
                eprintln!("{failure}");
                continue;
            }
            None => several(&[line]),
        };
        let wrong = links.iter().find_map(|link| link.parse::<Link>().err());
        match wrong {
            Some(wrong) => say(wrong),
            None if links.is_empty() => {}
            None => {
                eprint!("\n");
                let words = ["bridge", "--"].map(OsString::from).into_iter();
                return Some(
                    [program.clone()].into_iter().chain(words).chain(links.into_iter().map(Into::into)).collect(),
                );
            }
        }
    }
}

fn say(wrong: UnusableLink) {
    eprint!("{}", texts::wrong(&unusable::link(wrong)));
}

/// Waits until somebody has read why it failed; whoever ended it wants the window closed.
pub(super) fn keep_window(code: ExitCode, input: &mut dyn BufRead) {
    if code != ExitCode::SUCCESS {
        eprint!("{}", texts::CLOSE);
        let _ = input.read_line(&mut String::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(said: &str) -> Option<Vec<OsString>> {
        arguments(&"pasarela".into(), &mut said.as_bytes())
    }

    #[test]
    fn a_link_is_asked_for_until_there_is_one() {
        const LINK: &str = "https://relay.example/#0123456789abcdef";
        let wanted = ["pasarela", "bridge", "--", LINK].map(OsString::from);
        for said in [format!("{LINK}\r\n"), format!("\n  \"{LINK}\" \n"), format!("hello\n{LINK}")] {
            let arguments = asked(&said).expect("a link");
            assert_eq!(arguments.len(), wanted.len(), "{said}");
            assert_eq!(arguments[..3], wanted[..3]);
            assert!(arguments[3].to_string_lossy().contains(LINK), "{said}");
        }
        assert_eq!((asked(""), asked("hello\n")), (None, None));
    }
}
