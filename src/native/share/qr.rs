//! QR codes of short texts: for a terminal, as SVG, as PNG.
//!
//! The code itself is the crate `qrcode`'s, the PNG's compression `png`'s.

use std::fmt;

use qrcode::{Color, EcLevel, QrCode, render::svg};

/// Light modules around the code; with fewer some readers do not find it (ISO 18004, 6.3.8).
const QUIET: usize = 4;

/// Pixels a module in images, so that a phone reads it from a screen or from paper at once.
const SCALE: usize = 10;

/// White on black, whatever the terminal's own colours are.
const PAINT: &str = "\x1b[97;40m";
const RESET: &str = "\x1b[0m";

/// The text does not fit a QR code, which holds 2953 bytes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too long for a QR code")
    }
}

impl std::error::Error for TooLong {}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canvas {
    /// Colours and block characters, two modules a character: readable on dark and on light terminals.
    Painted,
    /// Block characters without colours: readable where the background is dark.
    Blocks,
    /// Neither: a module is two characters wide.
    Ascii,
}

/// A text as a QR code.
pub struct Qr {
    code: QrCode,
}

// The text may be a link with a key.
impl fmt::Debug for Qr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qr").field("width", &self.code.width()).finish_non_exhaustive()
    }
}

impl Qr {
    /// The code of a text, with as few modules as possible: terminals are small and so are old phones' cameras.
    ///
    /// # Errors
    ///
    /// The text is too long.
    pub fn of(text: &str) -> Result<Self, TooLong> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| TooLong)?;
        Ok(Self { code })
    }

    /// For a terminal, a line a row, in light on dark: the dark modules are the background, as a phone expects them.
    #[must_use]
    pub fn draw(&self, canvas: Canvas) -> String {
        match canvas {
            Canvas::Painted => self.lines().map(|line| format!("{PAINT}{line}{RESET}\n")).collect(),
            Canvas::Blocks => self.lines().map(|line| line + "\n").collect(),
            Canvas::Ascii => {
                let row = |y| {
                    (0..self.side()).map(|x| if self.is_dark(x, y) { "  " } else { "##" }).collect::<String>() + "\n"
                };
                (0..self.side()).map(row).collect()
            }
        }
    }

    /// The columns that this takes.
    #[must_use]
    pub fn columns(&self, canvas: Canvas) -> usize {
        match canvas {
            Canvas::Painted | Canvas::Blocks => self.side(),
            Canvas::Ascii => 2 * self.side(),
        }
    }

    /// As SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let size = u32::try_from(SCALE).unwrap_or(u32::MAX);
        self.code.render::<svg::Color<'_>>().module_dimensions(size, size).build()
    }

    /// As PNG, 8 bits of grey.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let side = self.side() * SCALE;
        let pixel = |x: usize, y: usize| if self.is_dark(x / SCALE, y / SCALE) { 0 } else { u8::MAX };
        let pixels: Vec<u8> = (0..side).flat_map(|y| (0..side).map(move |x| pixel(x, y))).collect();
        let mut out = Vec::new();
        // The largest code is 1850 pixels wide.
        let width = u32::try_from(side).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut out, width, width);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
        written.expect("memory takes every byte, and there are as many as the header says");
        out
    }

    /// Modules on each side, quiet zone included.
    fn side(&self) -> usize {
        self.code.width() + 2 * QUIET
    }

    /// Whether the module is dark, counted from the quiet zone's corner.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = QUIET..QUIET + self.code.width();
        inside.contains(&x) && inside.contains(&y) && self.code[(x - QUIET, y - QUIET)] == Color::Dark
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let line = |y: usize| {
            let character = |x: usize| match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            };
            (0..self.side()).map(character).collect()
        };
        (0..self.side()).step_by(2).map(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://relay.example/#a-key-of-the-tests&addr=192.0.2.7&sni=none";

    /// What an independent reader sees.
    fn decode(width: usize, height: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        let grey = |x, y| if is_dark(x, y) { 0 } else { u8::MAX };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().expect("readable").1
    }

    /// What a screen shows, four pixels a module.
    fn decode_lines(text: &str) -> String {
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let is_dark = |x: usize, y: usize| match lines[y / 8][x / 4] {
            '█' => false,
            '▀' => y % 8 >= 4,
            '▄' => y % 8 < 4,
            ' ' => true,
            other => panic!("{other:?} in a code"),
        };
        decode(lines[0].len() * 4, lines.len() * 8, is_dark)
    }

    #[test]
    fn a_phone_reads_it_from_a_terminal() {
        for text in [LINK, "https://wa.me/proxy?host=192.168.1.7&chatPort=5222&mediaPort=5222&chatTLS=false", "x"] {
            assert_eq!(decode_lines(&Qr::of(text).expect("short").draw(Canvas::Blocks)), text);
            let code = Qr::of(text).expect("short");
            let painted = code.draw(Canvas::Painted);
            assert!(painted.lines().all(|line| line.starts_with(PAINT) && line.ends_with(RESET)));
            assert_eq!(decode_lines(&painted.replace(PAINT, "").replace(RESET, "")), text);
            let ascii = code.draw(Canvas::Ascii);
            let rows: Vec<_> = ascii.lines().map(str::as_bytes).collect();
            assert_eq!(rows[0].len(), code.columns(Canvas::Ascii));
            let side = rows.len();
            assert_eq!(decode(4 * side, 4 * side, |x, y| rows[y / 4][x / 4 * 2] == b' '), text);
        }
    }

    #[test]
    fn a_phone_reads_it_from_an_image() {
        for text in [LINK.to_owned(), "x".repeat(900)] {
            let bytes = Qr::of(&text).expect("short").png();
            let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
            let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
            let info = reader.next_frame(&mut pixels).expect("whole");
            let width = info.width as usize;
            assert_eq!(decode(width, info.height as usize, |x, y| pixels[y * width + x] < 128), text);
        }
    }

    #[test]
    fn the_svg_is_well_formed_and_as_large_as_the_png() {
        let code = Qr::of(LINK).expect("short");
        let svg = code.svg();
        let size = format!("width=\"{0}\" height=\"{0}\"", code.side() * SCALE);
        assert!(svg.starts_with("<?xml") && svg.contains(&size) && svg.ends_with("</svg>"), "{svg}");
        // Every tag is closed, in order.
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1).map(|rest| rest.split('>').next().expect("a tag")) {
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name.to_owned())),
                None if tag.starts_with('?') || tag.ends_with('/') => {}
                None => open.push(tag.split(' ').next().expect("a name").to_owned()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_shown_nowhere() {
        assert_eq!(Qr::of(&"x".repeat(2954)).map(drop), Err(TooLong));
        assert!(!format!("{:?}", Qr::of(LINK)).contains("key"));
    }
}
