//! Zip files, the same bytes whenever they are made of the same files.
//!
//! As much of the format as every program that opens zips has known since 1993: no folders of their own, no names but ASCII ones, nothing above 4 GiB.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, Crc, write::DeflateEncoder};

/// 1 January 1980, the first day that a zip can name.
const DATE: u16 = (1 << 5) | 1;
/// Format 2.0: what is deflated.
const NEEDS: u16 = 20;
const DEFLATED: u16 = 8;

/// Writes these files under these names.
pub(super) fn write(zip: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let (mut whole, mut index) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        ensure!(name.is_ascii() && !name.starts_with('/'), "a zip cannot name {name:?} everywhere");
        let start = number(whole.len())?;
        let mut crc = Crc::new();
        crc.update(bytes);
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(bytes)?;
        let deflated = deflated.finish()?;
        let mut about = Vec::new();
        for short in [NEEDS, 0, DEFLATED, 0, DATE] {
            about.extend(short.to_le_bytes());
        }
        for long in [crc.sum(), number(deflated.len())?, number(bytes.len())?] {
            about.extend(long.to_le_bytes());
        }
        about.extend(u16::try_from(name.len())?.to_le_bytes());
        // No more fields.
        about.extend(0_u16.to_le_bytes());
        whole.extend(b"PK\x03\x04");
        whole.extend(&about);
        whole.extend(name.as_bytes());
        whole.extend(deflated);
        index.extend(b"PK\x01\x02");
        index.extend(NEEDS.to_le_bytes());
        index.extend(&about);
        // No comment, the first disk, nothing known of what is inside, no rights.
        index.extend([0; 10]);
        index.extend(start.to_le_bytes());
        index.extend(name.as_bytes());
    }
    let (start, count) = (number(whole.len())?, u16::try_from(files.len())?);
    whole.extend(&index);
    whole.extend(b"PK\x05\x06\0\0\0\0");
    whole.extend(count.to_le_bytes());
    whole.extend(count.to_le_bytes());
    whole.extend(number(index.len())?.to_le_bytes());
    whole.extend(start.to_le_bytes());
    whole.extend([0; 2]);
    fs::write(zip, whole).with_context(|| format!("cannot write {}", zip.display()))
}

fn number(length: usize) -> Result<u32> {
    u32::try_from(length).context("more than a zip can hold")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::run::output;

    #[test]
    fn others_read_what_is_in_it() {
        let zip = std::env::temp_dir().join(format!("pasarela-zip-test-{}", std::process::id()));
        let files = [("a/one.txt", vec![b'x'; 70_000]), ("two", Vec::new())];
        write(&zip, &files.map(|(name, bytes)| (name.to_owned(), bytes))).expect("a zip");
        let read = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), [(i.filename, i.file_size, i.date_time[:3]) for i in z.infolist()])";
        let said = output(Command::new("python3").args(["-c", read]).arg(&zip)).expect("it is read");
        fs::remove_file(&zip).expect("it is there");
        assert_eq!(said, "None [('a/one.txt', 70000, (1980, 1, 1)), ('two', 0, (1980, 1, 1))]");
    }
}
