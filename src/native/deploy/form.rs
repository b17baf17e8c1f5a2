//! A form by which files are uploaded (RFC 7578).

use bytes::Bytes;

use super::person::random_key;

/// A form that is being written.
pub(super) struct Form {
    boundary: String,
    bytes: Vec<u8>,
}

impl Form {
    /// Without any part.
    pub(super) fn new() -> Self {
        Self { boundary: format!("form-{}", random_key()), bytes: Vec::new() }
    }

    /// Adds what is said of the files.
    pub(super) fn say(&mut self, name: &str, json: &str) {
        self.part(&format!("name=\"{name}\""), "application/json", json.as_bytes());
    }

    /// Adds a file; its name must need no escapes.
    pub(super) fn file(&mut self, name: &str, kind: &str, bytes: &[u8]) {
        self.part(&format!("name=\"{name}\"; filename=\"{name}\""), kind, bytes);
    }

    /// The form's type, and all of it.
    pub(super) fn end(mut self) -> (String, Bytes) {
        self.bytes.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.bytes.into())
    }

    fn part(&mut self, names: &str, kind: &str, bytes: &[u8]) {
        let boundary = &self.boundary;
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; {names}\r\nContent-Type: {kind}\r\n\r\n");
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }
}
