//! Stand-ins for the system's resolver.

use std::{io, net::IpAddr, sync::Arc};

use pasarela::connect::Lookup;

/// A system's resolver that says the same of every name.
pub(crate) fn system(answer: Result<&[&str], io::ErrorKind>) -> Lookup {
    let answer = answer.map(|list| list.iter().map(|text| text.parse().expect("one")).collect::<Vec<IpAddr>>());
    Arc::new(move |_| {
        let answer = answer.clone().map_err(io::Error::from);
        Box::pin(async { answer })
    })
}

/// A system's resolver that does not answer.
pub(crate) fn silent() -> Lookup {
    Arc::new(|_| Box::pin(std::future::pending()))
}
