//! A Chromium for the tests of the page, and fonts for the languages that it speaks.
//!
//! It is the one in PATH or, without any right to install, Debian's in the cache. The fonts are Debian's in the cache
//! wherever they can be had, so that the page looks the same on every machine; elsewhere they are the system's.

use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    debian,
    peers::{self, Peer},
};
use crate::run::find;

/// Under which names it is installed, the leanest first.
const NAMES: [&str; 5] =
    ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Chromium without windows: the same engine with fewer libraries.
const PACKAGE: &str = "chromium-headless-shell";

const FONTS: [&str; 3] = ["fonts-noto-core", "fonts-dejavu-core", "fonts-wqy-microhei"];

/// Latin and Cyrillic, Arabic and Persian, what programs print, Chinese.
const FONT_FILES: [&str; 7] = [
    "usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
    "usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf",
    "usr/share/fonts/truetype/noto/NotoSansArabic-Bold.ttf",
    "usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf",
    "usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
];

/// What stands in for the families that a page names: the first of these that has the letter.
const FAMILIES: &str = "\
<alias binding=\"same\"><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
<match><edit name=\"family\" mode=\"append_last\">
<string>Noto Sans</string><string>Noto Sans Arabic</string><string>WenQuanYi Micro Hei</string>
</edit></match>
";

/// The browser, told where its libraries and fonts are.
pub(crate) fn chromium() -> Result<Peer> {
    let browser = match NAMES.into_iter().find_map(installed) {
        Some(program) => Peer::of_the_system(program),
        None => unpacked()?,
    };
    if !debian::is_here() {
        return Ok(browser);
    }
    let root = debian::unpack(&FONTS, &FONT_FILES)?;
    Ok(browser.with("FONTCONFIG_FILE", &configuration(&root)?.display().to_string()))
}

/// A program in PATH. Ubuntu's is a script that asks for a snap, which a test cannot do.
fn installed(name: &str) -> Option<PathBuf> {
    let program = find(name)?;
    let text = fs::read(&program).ok()?;
    let asks = text.starts_with(b"#!") && String::from_utf8_lossy(&text).contains("snap install");
    (!asks).then_some(program)
}

fn unpacked() -> Result<Peer> {
    let root = debian::unpack(&[PACKAGE], &[])
        .with_context(|| format!("no Chromium: install one and have it in PATH as {}", NAMES.join(" or ")))?;
    let mut libraries = peers::libraries(&root);
    // Two of its libraries look for parts of theirs in folders of their own.
    let own = ["pulseaudio", "nss"].map(|part| root.join(format!("usr/lib/{ARCH}-linux-gnu")).join(part));
    libraries.extend(own);
    Ok(Peer::unpacked(root.join("usr/lib/chromium").join(PACKAGE), &libraries))
}

/// Writes fontconfig's configuration: these fonts and no others.
fn configuration(root: &Path) -> Result<PathBuf> {
    let (fonts, found) = (root.join("usr/share/fonts"), root.join("found"));
    let text = format!(
        "<?xml version=\"1.0\"?>\n<fontconfig>\n<dir>{}</dir>\n<cachedir>{}</cachedir>\n{FAMILIES}</fontconfig>\n",
        fonts.display(),
        found.display()
    );
    let file = root.join("fonts.conf");
    // A browser that is starting elsewhere must not read half of it.
    if !fs::read_to_string(&file).is_ok_and(|written| written == text) {
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(file)
}
