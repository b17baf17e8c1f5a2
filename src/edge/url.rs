//! What a request's URL says: path and query.
//!
//! Which route a path means is the core's `route`, what of a query goes on its `web`.

/// Path and query of an absolute URL, the query with its question mark.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(after_scheme..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| after_scheme + at);
    let end = url.find('#').unwrap_or(url.len());
    let query = url.find('?').unwrap_or(end).min(end);
    (url.get(path..query).unwrap_or("/"), url.get(query..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn urls_are_split_into_path_and_query() {
        for (url, path, query) in [
            ("https://relay.example/K/ws/chat?ED=CAII", "/K/ws/chat", "?ED=CAII"),
            ("http://127.0.0.1:8787/", "/", ""),
            ("https://relay.example", "", ""),
            ("https://relay.example/a?b#c?d", "/a", "?b"),
        ] {
            assert_eq!(split(url), (path, query), "{url}");
        }
    }
}
