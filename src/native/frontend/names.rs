//! Which names in a TLS hello are the chat's: the phone means the proxy itself by them.

/// Whether TLS for this name carries chat: `g`, `g-fallback`, `e1` … and `chat*.cdn` under whatsapp.net.
pub(super) fn is_chat(name: &str) -> bool {
    let Some(label) = name.strip_suffix(".whatsapp.net") else { return false };
    let numbered =
        label.strip_prefix('e').is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()));
    let on_cdn = label.strip_suffix(".cdn").is_some_and(|label| label.starts_with("chat") && !label.contains('.'));
    matches!(label, "g" | "g-fallback") || numbered || on_cdn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_names_are_told_from_media_names() {
        for name in ["g", "g-fallback", "e1", "e16", "chat.cdn", "chat-fallback.cdn"] {
            assert!(is_chat(&format!("{name}.whatsapp.net")), "{name}");
        }
        for name in
            ["mmg.whatsapp.net", "e.whatsapp.net", "e1a.whatsapp.net", "a.chat.cdn.whatsapp.net", "whatsapp.net"]
        {
            assert!(!is_chat(name), "{name}");
        }
        for name in ["media-gru1-1.cdn.whatsapp.net", "web.whatsapp.com", "g.whatsapp.net.example", "g"] {
            assert!(!is_chat(name), "{name}");
        }
    }
}
