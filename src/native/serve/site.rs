//! The operator's own site: files read once into memory, found by their exact path.
//!
//! What is not read at the start cannot be asked for, so there is nothing to climb out of. It lists no folder, follows
//! links only to files that are in the folder, too, as Kubernetes mounts them, and leaves out names that
//! begin with a dot but `.well-known`. A large site is a web server's business.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use headers::ETag;
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

/// The largest site, in bytes.
const SITE_MAX: u64 = 64 << 20;

/// The most files. Each costs memory of its own.
const FILES_MAX: usize = 10_000;

/// Kinds of files by the ends of their names, as Cloudflare's own tool has them.
const KINDS: [(&str, &str); 31] = [
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("xml", "application/xml"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("ico", "image/vnd.microsoft.icon"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("webmanifest", "application/manifest+json"),
    ("wasm", "application/wasm"),
];

/// A site in memory.
#[derive(Default)]
pub struct Site {
    files: BTreeMap<String, File>,
    left_out: usize,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// A file.
    File(File),
    /// A folder, asked for without the slash at its end.
    Folder,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) kind: &'static str,
    pub(super) bytes: Bytes,
    /// Another for other bytes.
    pub(super) tag: ETag,
}

impl File {
    pub(super) fn new(kind: &'static str, bytes: Bytes) -> Self {
        let digest = Sha256::digest(&bytes);
        let name = digest.iter().take(16).fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
        let tag = format!("\"{name}\"").parse().expect("hexadecimal digits in quotes are a tag");
        Self { kind, bytes, tag }
    }
}

/// Why a folder is no site.
#[derive(Debug)]
pub enum SiteError {
    /// It cannot be read.
    Io(PathBuf, io::Error),
    /// It is larger than a site may be.
    TooLarge,
    /// There is nothing in it but links that lead out of it.
    Links(PathBuf),
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Links(path) => {
                write!(f, "{} holds only links that lead out of it, which are not followed", path.display())
            }
            Self::TooLarge => write!(f, "more than {} MiB, or more than {FILES_MAX} files", SITE_MAX >> 20),
        }
    }
}

impl std::error::Error for SiteError {}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl Site {
    /// Reads a folder.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is too large.
    pub fn read(folder: &Path) -> Result<Self, SiteError> {
        let (found, left_out) = files(folder, FILES_MAX, |_, _| false)?;
        let mut site = Self { left_out, ..Self::default() };
        let mut left = SITE_MAX;
        for (name, path) in found {
            site.add(&path, name, &mut left)?;
        }
        if site.files.is_empty() && left_out > 0 { Err(SiteError::Links(folder.to_path_buf())) } else { Ok(site) }
    }

    /// Links, sockets and the like in it that are not served.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    fn add(&mut self, path: &Path, name: String, left: &mut u64) -> Result<(), SiteError> {
        let failed = |error| SiteError::Io(path.to_path_buf(), error);
        let len = std::fs::metadata(path).map_err(failed)?.len();
        *left = left.checked_sub(len).ok_or(SiteError::TooLarge)?;
        let bytes = std::fs::read(path).map_err(failed)?.into();
        let file = File::new(kind(&name).unwrap_or("application/octet-stream"), bytes);
        self.files.insert(name, file);
        Ok(())
    }

    /// What is at this path of a request.
    pub(super) fn get(&self, path: &str) -> Option<Page> {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let index = |folder: &str| self.files.get(&format!("{folder}index.html"));
        if let Some(file) = if path.ends_with('/') { index(&path) } else { self.files.get(path.as_ref()) } {
            return Some(Page::File(file.clone()));
        }
        index(&format!("{path}/")).map(|_| Page::Folder)
    }

    /// What the operator says of a path that is not there.
    pub(super) fn not_found(&self) -> Option<File> {
        self.files.get("/404.html").cloned()
    }
}

/// The files of a folder that are a site's, each by its path there, if they are so many at most; and how many links lead out of it.
/// Those that are to be skipped, and folders (`true`), are not looked at.
pub(crate) fn files(
    folder: &Path,
    max: usize,
    skip: impl Fn(&str, bool) -> bool,
) -> Result<(BTreeMap<String, PathBuf>, usize), SiteError> {
    let root = folder.canonicalize().map_err(|error| SiteError::Io(folder.to_path_buf(), error))?;
    let within = |link: &Path| link.canonicalize().ok().filter(|file| file.starts_with(&root) && file.is_file());
    let (mut files, mut left_out) = (BTreeMap::new(), 0);
    let mut folders = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, name)) = folders.pop() {
        let failed = |error| SiteError::Io(folder.clone(), error);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(own) = entry.file_name().into_string() else { continue };
            if own.starts_with('.') && own != ".well-known" {
                continue;
            }
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            let name = format!("{name}/{own}");
            if skip(&name, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                folders.push((path, name));
                continue;
            }
            match if kind.is_file() { Some(path) } else { within(&path) } {
                Some(_) if files.len() == max => return Err(SiteError::TooLarge),
                Some(file) => drop(files.insert(name, file)),
                None => left_out += 1,
            }
        }
    }
    Ok((files, left_out))
}

/// What a file of this name is, if that is known.
pub(crate) fn kind(name: &str) -> Option<&'static str> {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    KINDS.iter().find(|(known, _)| *known == end).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        for sub in ["sub", ".git"] {
            std::fs::create_dir(folder.path().join(sub)).expect("made");
        }
        write("index.html", "bicycles");
        write("a b.css", "style");
        write("sub/index.html", "more");
        write(".env", "secret");
        write(".git/config", "secret");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).expect("linked");
        folder
    }

    #[test]
    fn files_are_found_by_their_exact_path_and_nothing_else_is() {
        let folder = folder();
        let site = Site::read(folder.path()).expect("readable");
        let text = |path: &str| match site.get(path) {
            Some(Page::File(file)) => Some((file.kind, String::from_utf8_lossy(&file.bytes).into_owned())),
            Some(Page::Folder) | None => None,
        };
        assert_eq!(text("/"), Some(("text/html; charset=utf-8", "bicycles".to_owned())));
        assert_eq!(text("/a%20b.css"), Some(("text/css; charset=utf-8", "style".to_owned())));
        assert_eq!(text("/sub/"), text("/sub/index.html"));
        assert_eq!(site.get("/sub"), Some(Page::Folder));
        for path in ["/sub/..", "/../etc/passwd", "/%2e%2e/etc/passwd", "/link", "/.env", "/.git/config", "//", "/%ff"]
        {
            assert_eq!(site.get(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_skipped_is_not_counted() {
        let folder = folder();
        let found = |max| {
            files(folder.path(), max, |name, is_folder| is_folder && name == "/sub").map(|(found, _)| found.len())
        };
        assert!(matches!(found(2), Ok(2)) && matches!(found(1), Err(SiteError::TooLarge)));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_within_the_folder_and_not_out_of_it() {
        use std::os::unix::fs::symlink;
        let folder = folder();
        symlink("sub/index.html", folder.path().join("inner.html")).expect("linked");
        let site = Site::read(folder.path()).expect("readable");
        assert!(site.get("/inner.html").is_some() && site.get("/link").is_none());
        assert_eq!(site.left_out(), 1);
        let only = tempfile::tempdir().expect("a folder");
        symlink(folder.path().join("index.html"), only.path().join("index.html")).expect("linked");
        let error = Site::read(only.path()).expect_err("nothing to serve");
        assert!(error.to_string().ends_with("holds only links that lead out of it, which are not followed"), "{error}");
    }

    #[test]
    fn a_folder_that_is_none_is_named() {
        let error = Site::read(Path::new("/nonexistent/site")).expect_err("not there");
        assert!(error.to_string().starts_with("/nonexistent/site: "), "{error}");
    }
}
