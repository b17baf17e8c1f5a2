//! The link in a picture: a QR code is looked for in its grey pixels, and what it says is read as a relay's link.
//!
//! It opens no file and keeps nothing. The code itself is the crate `rqrr`'s; files become pixels in `file`.

#[cfg(feature = "picture")]
mod file;

use std::{fmt, iter::successors, sync::mpsc, thread, time::Duration};

use rqrr::PreparedImage;

use crate::{link::Link, panics::caught};

/// The most pixels of a picture, for memory's sake: a square of 4096. Phones' photos have 12 million, and chats make them smaller.
pub const PIXELS_MAX: usize = 1 << 24;

/// Below this many pixels a code and the light around it are no longer there: the smallest have 29 modules.
const SIDE_MIN: usize = 29;

/// What is searched at once, as a square's side. The search remembers every pair of corners: in a picture that is full of them, 80 MB
/// are then its most, and the memory would grow with the fourth power of this.
const WINDOW: usize = 1024;

/// A second or two are usual. But whoever made a picture for that can let the search take hours.
const PATIENCE: Duration = Duration::from_secs(30);

/// A picture without its colours.
pub struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Why there is no link in a picture. It holds nothing of what was read, which may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusablePicture {
    /// It is of no known kind.
    Kind,
    /// Its end is missing, or something in its midst.
    Broken,
    /// It has more than [`PIXELS_MAX`].
    Size,
    /// There is no code that can be read.
    NoCode,
    /// What there is says something else.
    NoLink,
}

impl Grey {
    /// These pixels, line by line from the top, from black, 0, to white.
    ///
    /// # Errors
    ///
    /// There are too many, or not as many as there should be.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, UnusablePicture> {
        match width.checked_mul(height) {
            Some(0) => Err(UnusablePicture::Broken),
            Some(count) if count <= PIXELS_MAX && count == pixels.len() => Ok(Self { width, height, pixels }),
            Some(count) if count <= PIXELS_MAX => Err(UnusablePicture::Broken),
            Some(_) | None => Err(UnusablePicture::Size),
        }
    }

    /// The first link of a relay among the codes in it. Any site's address may stand in a code; with a key it is a relay's.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn link(self) -> Result<Link, UnusablePicture> {
        let (sender, found) = mpsc::channel();
        // Nobody can stop it; who has waited in vain ends, and so does it.
        let search = move || sender.send(self.search()).is_ok();
        match thread::Builder::new().name("picture".into()).spawn(search) {
            Ok(_) => found.recv_timeout(PATIENCE).unwrap_or(Err(UnusablePicture::NoCode)),
            Err(_) => Err(UnusablePicture::NoCode),
        }
    }

    /// First where the picture is small enough to be searched whole, and smaller, where a photo's noise is gone; then in parts, for
    /// codes that are small in it. And with dark and light the other way round, as dark screens show them.
    fn search(self) -> Result<Link, UnusablePicture> {
        let mut nothing = UnusablePicture::NoCode;
        let sizes = successors(Some(self), Self::halved);
        let (large, small): (Vec<_>, Vec<_>) = sizes.partition(|picture| picture.pixels.len() > WINDOW * WINDOW);
        let windows = large.iter().rev().flat_map(Self::windows);
        for picture in small.into_iter().chain(windows) {
            for inverted in [0, u8::MAX] {
                for text in picture.codes(inverted) {
                    match text.parse() {
                        Ok(link @ Link { key: Some(_), .. }) => return Ok(link),
                        Ok(_) | Err(_) => nothing = UnusablePicture::NoLink,
                    }
                }
            }
        }
        Err(nothing)
    }

    /// What the codes in it say. The library has assertions that a picture made for it may break: then there is none.
    fn codes(&self, inverted: u8) -> Vec<String> {
        let pixel = |x, y| self.at(x, y) ^ inverted;
        let read = || {
            let mut picture = PreparedImage::prepare_from_greyscale(self.width, self.height, pixel);
            let codes = picture.detect_grids();
            codes.iter().filter_map(|code| code.decode().ok()).map(|(_, text)| text).collect()
        };
        caught(read).unwrap_or_default()
    }

    fn at(&self, x: usize, y: usize) -> u8 {
        self.pixels[y * self.width + x]
    }

    /// All of its parts. They overlap, so that what is no larger than half of one is whole in one of them.
    fn windows(&self) -> impl Iterator<Item = Self> {
        let starts = |length| (0..length).step_by(WINDOW / 2).filter(move |at| *at == 0 || at + WINDOW / 2 < length);
        starts(self.height).flat_map(move |y| starts(self.width).map(move |x| self.window(x, y)))
    }

    fn window(&self, left: usize, top: usize) -> Self {
        let (width, height) = (WINDOW.min(self.width - left), WINDOW.min(self.height - top));
        let pixels =
            (top..top + height).flat_map(|y| &self.pixels[y * self.width + left..][..width]).copied().collect();
        Self { width, height, pixels }
    }

    /// The same in a quarter of the pixels, if there can still be a code in them.
    fn halved(&self) -> Option<Self> {
        let (width, height) = (self.width / 2, self.height / 2);
        let mean = |x: usize, y: usize| {
            let square = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| u16::from(self.at(2 * x + dx, 2 * y + dy)));
            u8::try_from(square.iter().sum::<u16>() / 4).unwrap_or(u8::MAX)
        };
        let pixels = || (0..height).flat_map(|y| (0..width).map(move |x| mean(x, y))).collect();
        (width.min(height) >= SIDE_MIN).then(|| Self { width, height, pixels: pixels() })
    }
}

// The pixels may be those of a link with a key.
impl fmt::Debug for Grey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grey").field("width", &self.width).field("height", &self.height).finish_non_exhaustive()
    }
}

impl fmt::Display for UnusablePicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind => f.write_str("it is neither PNG nor JPEG"),
            Self::Broken => f.write_str("it is damaged, or a part is missing"),
            Self::Size => write!(f, "it has more than {} million pixels", PIXELS_MAX / 1_000_000),
            Self::NoCode => f.write_str("no QR code in it can be read"),
            Self::NoLink => f.write_str("the QR code in it is no link of a relay"),
        }
    }
}

impl std::error::Error for UnusablePicture {}

#[cfg(test)]
mod tests;
