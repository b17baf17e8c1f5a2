//! The TLS host.

use std::sync::Arc;

use pasarela_sim::{Sim, pattern};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{assert_all_closed, start, within};

/// Sends `request` as `name` and gives the answer's head and body.
async fn ask(sim: &Sim, name: &'static str, request: String) -> std::io::Result<(String, Vec<u8>)> {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from(sim.ca_der().to_vec());
    roots.add(ca).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(sim.media()).await?;
    let name = ServerName::try_from(name).expect("a name");
    let mut tls = within(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await?;
    tls.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    within(tls.read_to_end(&mut answer)).await?;
    let head = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(head + 4);
    Ok((String::from_utf8(answer).expect("text"), body))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn every_name_has_a_certificate_and_is_named() {
    let sim = start().await;
    for name in [
        "mmg.whatsapp.net",
        "whatsapp.net",
        "web.whatsapp.com",
        "media-gru1-1.cdn.whatsapp.net",
        "whatsapp-cdn-shv-01-gru1.fbcdn.net",
    ] {
        let (_, body) = ask(&sim, name, get("/")).await.expect("answers");
        let body = String::from_utf8(body).expect("text");
        assert!(body.contains(name), "{body}");
    }
    assert!(ask(&sim, "example.org", get("/")).await.is_err());
    assert_all_closed(&sim).await;
}

#[tokio::test]
async fn bytes_come_in_the_length_asked_for() {
    let sim = start().await;
    for len in [0, 5, 1_000_003] {
        let (head, body) = ask(&sim, "mmg.whatsapp.net", get(&format!("/bytes/{len}"))).await.expect("answers");
        assert!(head.contains(&format!("content-length: {len}\r\n")), "{head}");
        assert_eq!(body.len(), len);
        assert!(pattern::matches(0, &body));
    }
}

#[tokio::test]
async fn an_upload_is_answered_with_its_length() {
    let sim = start().await;
    let body = "x".repeat(200_000);
    let request =
        format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (_, answer) = ask(&sim, "mmg.whatsapp.net", request).await.expect("answers");
    assert_eq!(answer, b"200000");
}
