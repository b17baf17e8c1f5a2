//! The operator's own site as Cloudflare is sent it: which files, how each is called by its contents, and what is said of them.
//!
//! Which files of a folder are a site's is what `serve` says, so that both show the same. What `.assetsignore` leaves out, and the
//! digests, are as wrangler has them. The requests are `place`'s.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use base64::prelude::{BASE64_STANDARD, Engine};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde_json::{Value, json};

use super::form::Form;
use crate::serve::{self, SiteError};

/// The largest file that the platform takes, in bytes.
const FILE_MAX: u64 = 25 << 20;

/// The most files that its free plan takes.
const FILES_MAX: usize = 20_000;

/// What says something about the site, and is no part of it.
const IGNORE: &str = ".assetsignore";
const HEADERS: &str = "_headers";
const REDIRECTS: &str = "_redirects";

/// Where another product of the platform expects a program, which nobody is to read.
const PROGRAM: &str = "/_worker.js";

/// The platform is to serve this without a type.
const NO_KIND: &str = "application/null";

/// A site that can be sent.
pub(crate) struct Site {
    files: BTreeMap<String, File>,
    left_out: usize,
    config: Value,
}

/// One file, read when it is sent.
struct File {
    path: PathBuf,
    /// Of its contents and the end of its name.
    hash: String,
    size: u64,
}

/// Why a folder is no site.
#[derive(Debug)]
pub(crate) enum UnusableSite {
    /// It cannot be read.
    Folder(SiteError),
    /// This file cannot be read.
    File(PathBuf, io::Error),
    /// There is nothing in it.
    Empty,
    /// It has more files than the platform takes.
    Many,
    /// This file is larger than the platform takes.
    Large(PathBuf),
    /// This file is another than when the platform was told of it.
    Changed(PathBuf),
    /// It holds this secret, which everybody could read.
    Secret(PathBuf),
    /// This line of `.assetsignore` means nothing.
    Ignore(String),
    /// It would show a program to everybody.
    Program,
    /// This line of `_redirects` is for every path, and so for the relay's, too.
    Redirect(String),
}

impl fmt::Display for UnusableSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => error.fmt(f),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Empty => f.write_str("there is no file in it"),
            Self::Many => write!(f, "it has more than {FILES_MAX} files"),
            Self::Large(path) => write!(f, "{} has more than {} MiB", path.display(), FILE_MAX >> 20),
            Self::Changed(path) => write!(f, "{} was changed meanwhile", path.display()),
            Self::Secret(path) => write!(f, "{} is in it, and everybody could read that", path.display()),
            Self::Ignore(line) => write!(f, "{IGNORE}: \"{line}\" is no pattern"),
            Self::Program => write!(f, "{PROGRAM} is a program, and everybody could read it"),
            Self::Redirect(line) => write!(f, "{REDIRECTS}: \"{line}\" would lead the relay's own paths away"),
        }
    }
}

impl std::error::Error for UnusableSite {}

impl Site {
    /// Looks at all files of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, UnusableSite> {
        let (ignored, said) = ignored(folder)?;
        // What is in a folder that is ignored cannot be taken back.
        let skip = |name: &str, is_folder| ignored.matched(name.trim_start_matches('/'), is_folder).is_ignore();
        let (found, left_out) = serve::site_files(folder, FILES_MAX, skip).map_err(|error| match error {
            SiteError::TooLarge => UnusableSite::Many,
            SiteError::Io(..) | SiteError::Links(_) => UnusableSite::Folder(error),
        })?;
        if found.is_empty() {
            return Err(UnusableSite::Empty);
        }
        if !said && found.keys().any(|name| name.starts_with(PROGRAM)) {
            return Err(UnusableSite::Program);
        }
        let files = found.into_iter().map(|(name, path)| Ok((name.clone(), File::read(&name, path)?)));
        Ok(Self { files: files.collect::<Result<_, _>>()?, left_out, config: config(folder)? })
    }

    /// The same; an error if this file is in it.
    pub(crate) fn without(self, secret: &Path) -> Result<Self, UnusableSite> {
        let secret = secret.canonicalize().ok();
        let found = self.files.values().find(|file| secret.is_some() && file.path.canonicalize().ok() == secret);
        found.map(|file| UnusableSite::Secret(file.path.clone())).map_or(Ok(()), Err)?;
        Ok(self)
    }

    /// How many files it has.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Links in the folder that lead out of it, and are not sent.
    pub(crate) const fn left_out(&self) -> usize {
        self.left_out
    }

    /// What the platform is told before it says which files it has not yet.
    pub(super) fn manifest(&self) -> Value {
        let file = |(name, file): (&String, &File)| (name.clone(), json!({ "hash": file.hash, "size": file.size }));
        json!({ "manifest": self.files.iter().map(file).collect::<serde_json::Map<_, _>>() })
    }

    /// How the platform is to serve it.
    pub(super) const fn config(&self) -> &Value {
        &self.config
    }

    /// Adds the file of these contents to a form; `false` if there is none.
    pub(super) fn put(&self, hash: &str, form: &mut Form) -> Result<bool, UnusableSite> {
        let Some((name, file)) = self.files.iter().find(|(_, file)| file.hash == hash) else { return Ok(false) };
        let (bytes, now) = contents(name, &file.path)?;
        if now != hash {
            // The platform would keep the new contents under the old ones' name.
            return Err(UnusableSite::Changed(file.path.clone()));
        }
        let kind = serve::site_kind(name).unwrap_or(NO_KIND);
        form.file(hash, kind, BASE64_STANDARD.encode(bytes).as_bytes());
        Ok(true)
    }
}

impl File {
    fn read(name: &str, path: PathBuf) -> Result<Self, UnusableSite> {
        let (bytes, hash) = contents(name, &path)?;
        Ok(Self { path, hash, size: bytes.len() as u64 })
    }
}

/// What is in a file, and what it is called for that.
fn contents(name: &str, path: &Path) -> Result<(Vec<u8>, String), UnusableSite> {
    let failed = |error| UnusableSite::File(path.to_path_buf(), error);
    if fs::metadata(path).map_err(failed)?.len() > FILE_MAX {
        return Err(UnusableSite::Large(path.to_path_buf()));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let end = Path::new(name).extension().unwrap_or_default().to_string_lossy();
    let hash = blake3::hash(format!("{}{end}", BASE64_STANDARD.encode(&bytes)).as_bytes());
    Ok((bytes, hash.to_hex()[..32].to_owned()))
}

/// A file that need not be there. A link that leads out of the folder is none.
fn text(folder: &Path, name: &str) -> Result<Option<String>, UnusableSite> {
    let path = folder.join(name);
    let within = || path.canonicalize().and_then(|file| Ok(file.starts_with(folder.canonicalize()?)));
    let text = within().and_then(|within| within.then(|| fs::read_to_string(&path)).transpose());
    match text {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map_err(|error| UnusableSite::File(path, error)),
    }
}

/// What is left out, and whether the operator says so. As in wrangler letters are as good as capitals, and a line may take back one
/// before it.
fn ignored(folder: &Path) -> Result<(Gitignore, bool), UnusableSite> {
    let said = text(folder, IGNORE)?;
    let mut builder = GitignoreBuilder::new("");
    let unusable = |line: &str| UnusableSite::Ignore(line.to_owned());
    builder.case_insensitive(true).map_err(|_| unusable(IGNORE))?;
    let own = [HEADERS, REDIRECTS].map(|name| format!("/{name}"));
    for line in own.iter().map(String::as_str).chain(said.as_deref().unwrap_or_default().lines()) {
        builder.add_line(None, line).map_err(|_| unusable(line))?;
    }
    Ok((builder.build().map_err(|_| unusable(IGNORE))?, said.is_some()))
}

/// A path without a file is answered as one that nobody has: by the site's 404.html, if it has one.
fn config(folder: &Path) -> Result<Value, UnusableSite> {
    let mut config = json!({ "not_found_handling": "404-page" });
    let redirects = text(folder, REDIRECTS)?;
    let is_for_all = |line: &&str| ["/*", "/:"].iter().any(|all| line.trim_start().starts_with(all));
    if let Some(line) = redirects.as_deref().unwrap_or_default().lines().find(is_for_all) {
        return Err(UnusableSite::Redirect(line.trim().to_owned()));
    }
    for (name, said) in [(REDIRECTS, redirects), (HEADERS, text(folder, HEADERS)?)] {
        if let Some(said) = said {
            config[name] = said.into();
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        folder
    }

    fn names(files: &[(&str, &str)]) -> Result<Vec<String>, UnusableSite> {
        Site::read(folder(files).path()).map(|site| site.files.into_keys().collect())
    }

    #[test]
    fn a_file_is_called_by_its_contents_and_the_end_of_its_name() {
        let folder = folder(&[("a.html", "x"), ("b.html", "x"), ("c.txt", "x"), ("d", "x")]);
        let site = Site::read(folder.path()).expect("a site");
        let hash = |name: &str| site.files[name].hash.clone();
        // As wrangler 4 has it, which tests/deploy/site.rs asks.
        assert_eq!(hash("/a.html").len(), 32);
        assert!(
            hash("/a.html") == hash("/b.html") && hash("/a.html") != hash("/c.txt") && hash("/c.txt") != hash("/d")
        );
        let mut form = Form::new();
        assert!(site.put(&hash("/c.txt"), &mut form).expect("read") && !site.put("0", &mut form).expect("none"));
        let text = String::from_utf8(form.end().1.to_vec()).expect("UTF-8");
        assert!(text.contains("Content-Type: text/plain; charset=utf-8\r\n\r\neA==\r\n"), "{text}");
    }

    #[test]
    fn what_is_about_the_site_or_ignored_is_not_sent() {
        let all = [
            ("index.html", ""),
            ("_headers", ""),
            ("_redirects", "/a /b"),
            (".env", ""),
            ("drafts/a.html", ""),
            ("drafts/b.html", ""),
            ("deep/Notes.MD", ""),
            (".assetsignore", "/drafts/*\n!/drafts/b.html\r\n*.md\n# all\n"),
        ];
        assert_eq!(names(&all).expect("a site"), ["/drafts/b.html", "/index.html"]);
        assert_eq!(names(&all[..5]).expect("a site"), ["/drafts/a.html", "/index.html"]);
    }

    #[test]
    fn a_folder_that_would_harm_the_relay_or_its_operator_is_refused() {
        let of = |files: &[(&str, &str)]| names(files).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(of(&[]), "there is no file in it");
        assert_eq!(of(&[("_headers", "")]), "there is no file in it");
        assert!(of(&[("_worker.js", "")]).starts_with("/_worker.js is a program"));
        assert_eq!(of(&[("_worker.js", ""), (".assetsignore", "")]), "");
        for line in ["/* /index.html 200", "  /:page /", "/:a/:b /"] {
            assert!(
                of(&[("index.html", ""), ("_redirects", &format!("/old /new\n{line}"))])
                    .contains("lead the relay's own")
            );
        }
        assert_eq!(of(&[("index.html", ""), ("_redirects", "/old/* /new/:splat\n# /*")]), "");
        let folder = folder(&[]);
        let large = fs::File::create(folder.path().join("film.mp4")).expect("made");
        large.set_len(FILE_MAX + 1).expect("sparse");
        assert!(matches!(Site::read(folder.path()), Err(UnusableSite::Large(_))));
        assert!(matches!(Site::read(Path::new("/nonexistent")), Err(UnusableSite::Folder(_))));
    }

    #[test]
    fn what_was_changed_since_is_not_sent_under_its_old_name() {
        let folder = folder(&[("index.html", "one")]);
        let site = Site::read(folder.path()).expect("a site");
        let hash = site.files["/index.html"].hash.clone();
        fs::write(folder.path().join("index.html"), "another").expect("written");
        assert!(matches!(site.put(&hash, &mut Form::new()), Err(UnusableSite::Changed(_))));
    }

    #[test]
    fn a_site_with_the_token_in_it_is_refused() {
        let folder = folder(&[("index.html", ""), ("token", "secret")]);
        let site = |secret: &str| Site::read(folder.path()).and_then(|site| site.without(&folder.path().join(secret)));
        assert!(matches!(site("token"), Err(UnusableSite::Secret(_))));
        assert!(site("elsewhere").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn what_says_something_of_the_site_is_in_its_folder() {
        let (folder, other) = (folder(&[("index.html", "")]), folder(&[("said", "/old /new")]));
        std::os::unix::fs::symlink(other.path().join("said"), folder.path().join("_redirects")).expect("linked");
        assert_eq!(Site::read(folder.path()).expect("a site").config.get("_redirects"), None);
    }
}
