//! The operator's own site, sent before the Worker that shows it.

use std::path::Path;

use super::{
    super::{
        Failure,
        cloud::refused,
        texts::{account, deploy as texts, steps},
    },
    progress::Progress,
};
use crate::deploy::{Place, Site, Stored, Unstored, UnusableSite};

/// The site in a folder, which must not have the file with the token in it.
pub(super) fn read(folder: &Path, token: Option<&Path>) -> Result<Site, Failure> {
    let mut site = Site::read(folder).map_err(unusable)?;
    if let Some(token) = token {
        site = site.without(token).map_err(unusable)?;
    }
    if let left_out @ 1.. = site.left_out() {
        eprintln!("{}", texts::left_out(left_out));
    }
    Ok(site)
}

/// Sends the files that the platform has not yet.
pub(super) async fn store(place: &Place, site: &Site, dry: bool, progress: &Progress) -> Result<Stored, Failure> {
    let stored = place.store(site).await.map_err(|unstored| match unstored {
        Unstored::Api(error) => refused(account::STORING)(error),
        Unstored::Site(error) => unusable(error),
    })?;
    if !dry {
        progress.step(steps::SITE, &texts::stored(site.len(), stored.sent));
    }
    Ok(stored)
}

/// The relay shows a site, and it was not said what becomes of it: as with wrangler, one that is not sent again would be gone.
pub(super) fn forgotten() -> Failure {
    Failure::told(texts::SITE_THERE, texts::SITE_GONE, texts::SITE_AGAIN)
}

fn unusable(error: UnusableSite) -> Failure {
    let why = texts::site(&error);
    if let UnusableSite::Changed(_) = error {
        return Failure::met(texts::NO_SITE, why, texts::SITE_AT_REST);
    }
    Failure::told(texts::NO_SITE, why, texts::ANOTHER_SITE)
}
