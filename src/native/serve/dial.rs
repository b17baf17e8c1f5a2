//! Opens a WebSocket to an upstream URL, saying of the client no more than WhatsApp Web's server expects.
//!
//! It moves no message. Which URLs there are is the operator's, what goes on of a request the core's.

use std::{io, sync::Arc};

use base64::prelude::{BASE64_STANDARD, Engine};
use hyper::{Uri, header::HeaderMap};
use pasarela_core::{limits, web};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use super::MESSAGE_MAX;
use crate::{
    net::{BoxedStream, Prefixed, eyeballs, upgrade},
    tunnel::{
        carrier::{self, Socket},
        request,
    },
};

/// The upgraded connection of one URL, or nothing if it refuses, fails or takes too long.
pub(super) async fn dial(url: &str, client: &HeaderMap, tls: &Arc<ClientConfig>) -> Option<Socket> {
    match tokio::time::timeout(limits::WEB_DIAL, connect(url, client, tls)).await {
        Ok(Ok(socket)) => Some(socket),
        Ok(Err(error)) => {
            tracing::debug!(%error, "an upstream WebSocket is not to be had");
            None
        }
        Err(_) => {
            tracing::debug!("an upstream WebSocket takes too long");
            None
        }
    }
}

async fn connect(url: &str, client: &HeaderMap, tls: &Arc<ClientConfig>) -> io::Result<Socket> {
    let uri: Uri = url.parse().map_err(|_| invalid("not a URL"))?;
    let host = uri.host().ok_or_else(|| invalid("no host"))?;
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let tcp = eyeballs::connect(&format!("{host}:{port}")).await?;
    let mut stream: BoxedStream = if secure {
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| invalid("no name for TLS"))?;
        Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await?)
    } else {
        Box::new(tcp)
    };
    let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
    stream.write_all(&question(&uri, &key, client)).await?;
    stream.flush().await?;
    let accept = upgrade::accept_key(key.as_bytes());
    let answered = request::answer(&mut stream, (host, &accept)).await;
    let (_, rest) = answered.map_err(|_| invalid("refused"))?;
    Ok(carrier::client(Prefixed::new(rest, stream), MESSAGE_MAX))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn question(uri: &Uri, key: &str, client: &HeaderMap) -> Vec<u8> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut request = format!(
        "GET {target} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    )
    .into_bytes();
    if !client.contains_key("origin") {
        request.extend(format!("Origin: {}\r\n", web::ORIGIN).into_bytes());
    }
    for name in web::PASSED_ON {
        if let Some(value) = client.get(name) {
            for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                request.extend(part);
            }
        }
    }
    request.extend(b"\r\n");
    request
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn of_the_clients_request_only_what_whatsapp_expects_goes_on() {
        let mut client = HeaderMap::new();
        for (name, value) in [("user-agent", "x/1"), ("cookie", "secret"), ("sec-websocket-extensions", "deflate")] {
            client.insert(name, HeaderValue::from_static(value));
        }
        let uri = "https://web.whatsapp.com:5222/ws/chat?ED=CAII".parse().expect("a URL");
        let text = String::from_utf8(question(&uri, "KEY", &client)).expect("text");
        assert!(text.starts_with("GET /ws/chat?ED=CAII HTTP/1.1\r\nHost: web.whatsapp.com:5222\r\n"), "{text}");
        assert!(text.contains("\r\nOrigin: https://web.whatsapp.com\r\n") && text.contains("user-agent: x/1\r\n"));
        assert!(!text.contains("secret") && !text.contains("deflate") && text.ends_with("\r\n\r\n"), "{text}");
        client.insert("origin", HeaderValue::from_static("https://other.example"));
        let text = String::from_utf8(question(&uri, "KEY", &client)).expect("text");
        assert!(text.contains("origin: https://other.example\r\n") && !text.contains("Origin:"), "{text}");
    }
}
