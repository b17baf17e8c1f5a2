//! What a request's URL says: path, query, and the `ED` parameter of library clients.
//!
//! Which route a path means is the core's `route`.

use pasarela_core::limits;

/// Path and query of an absolute URL, the query with its question mark.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(after_scheme..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| after_scheme + at);
    let end = url.find('#').unwrap_or(url.len());
    let query = url.find('?').unwrap_or(end).min(end);
    (url.get(path..query).unwrap_or("/"), url.get(query..end).unwrap_or_default())
}

/// The `ED` parameter if it is base64url of a sensible length.
fn edge_parameter(query: &str) -> Option<&str> {
    let value = query.trim_start_matches('?').split('&').find_map(|part| part.strip_prefix("ED="))?;
    let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!value.is_empty() && value.len() <= 2 * limits::ROUTING_INFO && value.bytes().all(well_formed)).then_some(value)
}

/// The query that goes on to the upstream URL.
pub(crate) fn edge_query(query: &str) -> String {
    match edge_parameter(query).filter(|_| routing_info(query).is_some()) {
        Some(value) => format!("?ED={value}"),
        None => String::new(),
    }
}

/// The routing info that goes before the stream.
pub(crate) fn routing_info(query: &str) -> Option<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(edge_parameter(query)?).ok().filter(|info| info.len() <= limits::ROUTING_INFO)
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

    #[wasm_bindgen_test]
    fn routing_info_is_decoded_and_anything_odd_is_left_out() {
        assert_eq!(routing_info("?ED=CAIIBQgS"), Some(vec![8, 2, 8, 5, 8, 18]));
        assert_eq!(edge_query("?x=1&ED=CAIIBQgS"), "?ED=CAIIBQgS");
        for odd in ["", "?ED=", "?ED=a+b", "?ED=%41", &format!("?ED={}", "A".repeat(1400))] {
            assert_eq!((routing_info(odd), edge_query(odd).as_str()), (None, ""));
        }
    }
}
