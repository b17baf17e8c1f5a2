//! Pictures as people have them, and as nobody has them.

use proptest::prelude::*;
use qrcode::{Color, EcLevel, QrCode};

use super::*;

const LINK: &str = "https://relay.example/#0123456789abcdef&addr=192.0.2.7&sni=none";

/// A code with the light around it, so many pixels a module.
fn code(text: &str, scale: usize) -> Grey {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).expect("short");
    let (modules, colors) = (code.width(), code.to_colors());
    let side = (modules + 8) * scale;
    let dark = |x: usize, y: usize| {
        let (x, y) = ((x / scale).wrapping_sub(4), (y / scale).wrapping_sub(4));
        x < modules && y < modules && colors[y * modules + x] == Color::Dark
    };
    let pixels = (0..side * side).map(|at| if dark(at % side, at / side) { 0 } else { u8::MAX }).collect();
    Grey { width: side, height: side, pixels }
}

/// A picture of another, whose pixels are those that this says.
fn drawn(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u8) -> Grey {
    Grey::new(width, height, (0..width * height).map(|at| pixel(at % width, at / width)).collect()).expect("a picture")
}

fn link(picture: Grey) -> Result<String, UnusablePicture> {
    picture.link().map(|link| link.to_string())
}

#[test]
fn a_code_is_read_however_large_it_is_and_on_dark_screens() {
    for scale in [1, 2, 3, 5, 10, 40] {
        assert_eq!(link(code(LINK, scale)).as_deref(), Ok(LINK), "{scale} pixels a module");
    }
    let mut dark = code(LINK, 4);
    dark.pixels.iter_mut().for_each(|pixel| *pixel = 200 - *pixel / 2);
    assert_eq!(link(dark).as_deref(), Ok(LINK));
}

#[test]
fn a_small_code_is_found_wherever_it_is_in_a_large_picture() {
    let small = code(LINK, 3);
    for (left, top) in [(1024 - small.width / 2, 300), (1500 - small.width, 1200 - small.height)] {
        let within = |at: usize, start: usize, length: usize| at.checked_sub(start).filter(|at| *at < length);
        let picture = drawn(1500, 1200, |x, y| match (within(x, left, small.width), within(y, top, small.height)) {
            (Some(x), Some(y)) => small.at(x, y),
            (_, _) => 40 + u8::try_from(x * y % 89).expect("small"),
        });
        assert_eq!(link(picture).as_deref(), Ok(LINK), "at {left}, {top}");
    }
}

#[test]
fn a_photo_is_turned_noisy_and_dark() {
    let screen = code(LINK, 8);
    let picture = drawn(900, 800, |x, y| {
        // A sixth of a right angle, seen a little from the side.
        let (x, y) = (x as f64 - 150.0, y as f64 - 50.0);
        let nearer = 1.0 + y / 8000.0;
        let (u, v) = ((0.966 * x + 0.259 * y) / nearer, (0.966 * y - 0.259 * x) / nearer);
        let inside = u >= 0.0 && v >= 0.0 && u < screen.width as f64 && v < screen.height as f64;
        let light = if inside { screen.at(u as usize, v as usize) / 2 } else { 90 };
        light + 30 + ((x * 7.0 + y * 13.0).abs() as usize % 37) as u8
    });
    assert_eq!(link(picture).as_deref(), Ok(LINK));
}

#[test]
fn among_several_codes_the_relays_is_found() {
    let (whatsapp, relay) = (code("https://wa.me/proxy?host=a.example&chatPort=443", 4), code(LINK, 4));
    let height = whatsapp.height.max(relay.height);
    let at = |code: &Grey, x, y| if y < code.height { code.at(x, y) } else { u8::MAX };
    let picture = drawn(whatsapp.width + relay.width, height, |x, y| match x.checked_sub(whatsapp.width) {
        None => at(&whatsapp, x, y),
        Some(x) => at(&relay, x, y),
    });
    assert_eq!(link(picture).as_deref(), Ok(LINK));
}

#[test]
fn what_is_no_link_of_a_relay_is_told_from_what_cannot_be_read() {
    let others =
        ["https://wa.me/proxy?host=a.example&chatPort=443", "https://shop.example/", "https://relay.example/#", "+1"];
    for other in others {
        assert_eq!(link(code(other, 3)), Err(UnusablePicture::NoLink), "{other}");
    }
    for side in [1, 6, 28, 29, 300, 1100] {
        assert_eq!(link(drawn(side, side, |_, _| 7)), Err(UnusablePicture::NoCode), "{side}");
    }
    let half = code(LINK, 4);
    assert_eq!(link(drawn(half.width / 2, half.height, |x, y| half.at(x, y))), Err(UnusablePicture::NoCode));
}

#[test]
fn sizes_are_bounded_before_anything_is_done() {
    for (width, height, pixels, wrong) in [
        (0, 7, 0, UnusablePicture::Broken),
        (3, 3, 8, UnusablePicture::Broken),
        (3, 3, 10, UnusablePicture::Broken),
        (4097, 4096, 0, UnusablePicture::Size),
        (usize::MAX, 2, 0, UnusablePicture::Size),
    ] {
        assert_eq!(Grey::new(width, height, vec![0; pixels]).err(), Some(wrong), "{width}x{height}");
    }
    assert!(Grey::new(4096, 4096, vec![0; PIXELS_MAX]).is_ok());
}

#[test]
fn nothing_of_a_picture_is_in_what_is_said_of_it() {
    assert_eq!(format!("{:?}", code("7", 1)), "Grey { width: 29, height: 29, .. }");
}

#[cfg(feature = "picture")]
#[test]
fn files_are_read_of_every_kind_and_bad_ones_are_told_apart() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/picture/");
    let read = |name: &str| Grey::read(std::fs::File::open(format!("{folder}{name}")).expect(name)).expect("read");
    let mut good = 0;
    for file in std::fs::read_dir(folder).expect("a folder of ours") {
        let name = file.expect("a file").file_name().into_string().expect("UTF-8");
        if name.starts_with("good-") {
            assert_eq!(read(&name).and_then(link).as_deref(), Ok("https://a.example/#0123456789abcdef"), "{name}");
            good += 1;
        }
    }
    assert!(good > 8, "{good} files");
    for (name, wrong) in [
        ("bad-gif", UnusablePicture::Kind),
        ("bad-cut-off.png", UnusablePicture::Broken),
        ("bad-no-pixels.png", UnusablePicture::Broken),
        ("bad-larger-than-it-may-be.png", UnusablePicture::Size),
        ("bad-larger-than-it-may-be.jpg", UnusablePicture::Size),
    ] {
        assert_eq!(read(name).err(), Some(wrong), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_picture_that_somebody_spoilt_gives_the_link_or_none(
        scale in 1usize..5,
        width in 1usize..200,
        blots in prop::collection::vec((any::<u16>(), any::<u16>(), 1usize..30, 1usize..30, any::<u8>()), 0..40),
        specks in prop::collection::vec((any::<u16>(), any::<u8>()), 0..200),
    ) {
        let mut picture = code(LINK, scale);
        let side = picture.width;
        for (x, y, wide, high, ink) in blots {
            let (x, y) = (usize::from(x) % side, usize::from(y) % side);
            for y in y..side.min(y + high) {
                for pixel in &mut picture.pixels[y * side + x..y * side + side.min(x + wide)] {
                    *pixel ^= ink;
                }
            }
        }
        for (at, ink) in specks {
            let at = usize::from(at) % picture.pixels.len();
            picture.pixels[at] = ink;
        }
        // And cut into lines of another length.
        for width in [side, width] {
            let height = picture.pixels.len() / width;
            let pixels = picture.pixels[..width * height].to_vec();
            let read = link(Grey::new(width, height, pixels).expect("a picture"));
            prop_assert!(read.is_err() || read.as_deref() == Ok(LINK), "{read:?}");
        }
    }
}
