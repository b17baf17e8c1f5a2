//! Files of pictures: PNG, which screenshots are, and JPEG, which photos are and what chats make of both.
//!
//! The formats are the crates `png`'s and `zune-jpeg`'s. Here is what they may take, and what becomes of colours.

use std::io::{self, Cursor, Read};

use png::{ColorType, Transformations};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{Grey, PIXELS_MAX, UnusablePicture};
use crate::panics::caught;

/// More than a file of so many pixels has, but for PNGs of photos, in bytes.
const FILE_MAX: u64 = 64 << 20;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

impl Grey {
    /// The picture in a file, or why it is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read(file: impl Read) -> io::Result<Result<Self, UnusablePicture>> {
        let mut bytes = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MAX {
            return Ok(Err(UnusablePicture::Size));
        }
        // These libraries are tried with such files. But what they are given comes from strangers.
        Ok(caught(|| Self::of(&bytes)).unwrap_or(Err(UnusablePicture::Broken)))
    }

    fn of(bytes: &[u8]) -> Result<Self, UnusablePicture> {
        if bytes.starts_with(PNG) {
            png(bytes)
        } else if bytes.starts_with(JPEG) {
            jpeg(bytes)
        } else {
            Err(UnusablePicture::Kind)
        }
    }
}

fn png(bytes: &[u8]) -> Result<Grey, UnusablePicture> {
    let broken = |_| UnusablePicture::Broken;
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(broken)?;
    allowed(header.width as usize, header.height as usize)?;
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader.output_buffer_size().ok_or(UnusablePicture::Size)?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(broken)?;
    samples.truncate(frame.buffer_size());
    let (width, height) = (frame.width as usize, frame.height as usize);
    let pixels = match frame.color_type {
        ColorType::Grayscale => samples,
        ColorType::GrayscaleAlpha => each(&samples, |&[grey, alpha]| on_white(grey, alpha)),
        ColorType::Rgb => each(&samples, grey),
        ColorType::Rgba => each(&samples, |&[red, green, blue, alpha]| on_white(grey(&[red, green, blue]), alpha)),
        // It has been expanded.
        ColorType::Indexed => return Err(UnusablePicture::Broken),
    };
    Grey::new(width, height, pixels)
}

fn jpeg(bytes: &[u8]) -> Result<Grey, UnusablePicture> {
    let broken = |_| UnusablePicture::Broken;
    let options = DecoderOptions::default().set_max_width(u16::MAX.into()).set_max_height(u16::MAX.into());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken)?;
    let (width, height) = decoder.dimensions().ok_or(UnusablePicture::Broken)?;
    allowed(width, height)?;
    // Nearly all have their grey apart from their colours.
    let is_grey = matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
    let colors = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let samples = decoder.decode().map_err(broken)?;
    Grey::new(width, height, if is_grey { samples } else { each(&samples, grey) })
}

/// Before any memory is taken for it.
fn allowed(width: usize, height: usize) -> Result<(), UnusablePicture> {
    let fits = width.checked_mul(height).is_some_and(|pixels| pixels <= PIXELS_MAX);
    if fits { Ok(()) } else { Err(UnusablePicture::Size) }
}

fn each<const N: usize>(samples: &[u8], grey: impl Fn(&[u8; N]) -> u8) -> Vec<u8> {
    samples.as_chunks().0.iter().map(grey).collect()
}

/// As bright as people see it (ITU-R BT.601).
fn grey(&[red, green, blue]: &[u8; 3]) -> u8 {
    let [red, green, blue] = [red, green, blue].map(u32::from);
    u8::try_from((299 * red + 587 * green + 114 * blue) / 1000).unwrap_or(u8::MAX)
}

/// What cannot be seen is the paper.
fn on_white(grey: u8, alpha: u8) -> u8 {
    let dark = u32::from(u8::MAX - grey) * u32::from(alpha) / u32::from(u8::MAX);
    u8::MAX - u8::try_from(dark).unwrap_or(u8::MAX)
}
