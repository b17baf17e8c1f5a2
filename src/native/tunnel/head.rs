//! The head of an answer to a request for an upgrade.
//!
//! What it means is `request`'s.

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// HTTP's status.
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header that is there exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (_, value) = found.next().filter(|_| found.next().is_none())?;
        Some(value)
    }

    /// The host that a redirect leads to; none if it stays where it is, or is none.
    #[must_use]
    pub fn elsewhere(&self) -> Option<String> {
        let location = url::Url::parse(self.header("location")?).ok()?;
        location.host_str().map(str::to_owned)
    }

    pub(super) fn leads_to(&self, authority: &str) -> bool {
        let here = url::Url::parse(&format!("http://{authority}")).ok();
        self.elsewhere().is_none_or(|host| here.is_some_and(|here| here.host_str() == Some(host.as_str())))
    }
}

impl Head {
    pub(super) fn of(response: &httparse::Response<'_, '_>) -> Self {
        let header = |header: &httparse::Header<'_>| {
            let value = str::from_utf8(header.value).ok()?;
            Some((header.name.to_owned(), value.to_owned()))
        };
        Self {
            status: response.code.unwrap_or_default(),
            headers: response.headers.iter().filter_map(header).collect(),
        }
    }
}
