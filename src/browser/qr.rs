//! The QR code of a text as the path of an SVG, for the page to put into a `<path>`.
//!
//! Terminals and files are `pasarela::share`'s.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code; with fewer some readers do not find it (ISO 18004, 6.3.8).
const QUIET: i32 = 4;

/// Dark modules on a light square.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// How many modules wide and high it is, with the light ones around.
    pub size: i32,
    /// The dark ones, as the `d` of a path.
    pub path: String,
}

/// The text does not fit a QR code, which holds 2953 bytes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// The code of a text, with as few modules as possible: old phones' cameras see little.
///
/// # Errors
///
/// The text is too long.
pub fn picture(text: &str) -> Result<Picture, TooLong> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).map_err(|_| TooLong)?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            if run > 0 {
                // Writing into a string cannot fail.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            // What ended the run is light.
            x += run as i32 + 1;
        }
    }
    Ok(Picture { size: code.size() + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which modules a path paints.
    fn painted(picture: &Picture) -> Vec<(i32, i32)> {
        let mut dark = Vec::new();
        for run in picture.path.split_terminator('z') {
            let run = run.strip_prefix('M').expect("a start");
            let (at, rest) = run.split_once('h').expect("a run");
            let (x, y) = at.split_once(' ').expect("two numbers");
            let (length, back) = rest.split_once("v1h-").expect("the way back");
            assert_eq!(length, back);
            let [x, y, length] = [x, y, length].map(|number| number.parse::<i32>().expect("a number"));
            dark.extend((x..x + length).map(|x| (x, y)));
        }
        dark
    }

    #[test]
    fn the_path_paints_the_codes_dark_modules_inside_a_light_border() {
        let text = "https://relay.example/#0123456789abcdef";
        let picture = picture(text).expect("fits");
        let code = QrCode::encode_text(text, QrCodeEcc::Low).expect("fits");
        assert_eq!(picture.size, code.size() + 8);
        let modules = (0..picture.size).flat_map(|y| (0..picture.size).map(move |x| (x, y)));
        let dark: Vec<_> = modules.filter(|(x, y)| code.get_module(x - QUIET, y - QUIET)).collect();
        assert_eq!(painted(&picture), dark);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(picture(&"x".repeat(2953)).map(|it| it.size), Ok(177 + 8));
        assert_eq!(picture(&"x".repeat(2954)), Err(TooLong));
    }
}
