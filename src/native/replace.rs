//! A file that is replaced in one step, so that nobody ever reads half of it, whenever the program ends.
//!
//! What is in it is the caller's.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone.
    Owner,
    /// Whoever might read the one before: who runs a program must be able to when somebody else has changed its file. A new one is
    /// for its owner alone.
    AsBefore,
}

/// Writes it beside the old one, and then puts it in that one's place. Where a link leads: the link itself stays. Beside it the name
/// is always the same, so whatever ends the program leaves one file at most, which the next time takes away.
pub(crate) fn replace(path: &Path, text: &[u8], readers: Readers) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.with_file_name(format!(".{name}.pasarela"));
    // Not written over: it may be a link to somewhere else, or for more eyes.
    drop(fs::remove_file(&beside));
    let written = write(&beside, text, (readers == Readers::AsBefore).then_some(&*path));
    // If it was never made, nothing is left of it.
    written.and_then(|()| fs::rename(&beside, &path)).inspect_err(|_| drop(fs::remove_file(&beside)))
}

fn write(beside: &Path, text: &[u8], like: Option<&Path>) -> io::Result<()> {
    let mut open = fs::OpenOptions::new();
    open.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let mut file = open.open(beside)?;
    if let Some(like) = like {
        keep_rights(&file, like)?;
    }
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(unix)]
fn keep_rights(file: &fs::File, old: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let Ok(old) = old.metadata() else { return Ok(()) };
    let new = file.metadata()?;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(old.permissions())
}

/// Where a file's rights are its folder's.
#[cfg(not(unix))]
fn keep_rights(_: &fs::File, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn it_is_replaced_at_once_for_the_right_eyes_through_a_link_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("keys"), folder.path().join("link"));
        fs::write(&path, "before").expect("written");
        symlink(&path, &link).expect("made");
        for (readers, mode) in [(Readers::AsBefore, 0o640), (Readers::Owner, 0o600)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
            // From a program that ended meanwhile.
            fs::write(folder.path().join(".keys.pasarela"), "half").expect("written");
            let before = path.metadata().expect("there").ino();
            replace(&link, b"after", readers).expect("written");
            let after = path.metadata().expect("there");
            assert_eq!((fs::read(&path).expect("there"), after.mode() & 0o777), (b"after".to_vec(), mode));
            assert!(after.ino() != before && link.is_symlink());
            assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 2);
        }
        let new = folder.path().join("new");
        replace(&new, b"after", Readers::AsBefore).expect("written");
        assert_eq!(new.metadata().expect("there").mode() & 0o777, 0o600);
        assert!(replace(&folder.path().join("none/keys"), b"after", Readers::Owner).is_err());
    }
}
