//! SOCKS5 (RFC 1928) for programs that speak it: connections to WhatsApp's hosts, and to no others.
//!
//! The name or address that is asked for only decides whether to say yes; where a stream goes its first bytes decide, as
//! for every other connection.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use fast_socks5::{ReplyError, Socks5Command, server::Socks5ServerProtocol, util::target_addr::TargetAddr};
use pasarela_core::policy;
use tokio::net::TcpStream;

/// All of a request is due in this time.
const REQUEST: Duration = Duration::from_secs(10);

/// Answers a request; gives the connection if it may go on.
pub(super) async fn negotiate(tcp: TcpStream) -> Option<TcpStream> {
    tokio::time::timeout(REQUEST, answer(tcp)).await.ok()?
}

async fn answer(tcp: TcpStream) -> Option<TcpStream> {
    let protocol = Socks5ServerProtocol::accept_no_auth(tcp).await.ok()?;
    let (protocol, command, target) = protocol.read_command().await.ok()?;
    let verdict = match command {
        Socks5Command::TCPConnect if is_whatsapp(&target) => {
            // Ours is the only address there is to tell, and nobody needs it.
            let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            return protocol.reply_success(nowhere).await.ok();
        }
        Socks5Command::TCPConnect => ReplyError::ConnectionNotAllowed,
        Socks5Command::TCPBind | Socks5Command::UDPAssociate => ReplyError::CommandNotSupported,
    };
    // Whoever asked may be gone.
    let _ = protocol.reply_error(&verdict).await;
    None
}

fn is_whatsapp(target: &TargetAddr) -> bool {
    match target {
        TargetAddr::Domain(name, _) => {
            let name = name.to_ascii_lowercase();
            let name = name.strip_suffix('.').unwrap_or(&name);
            // Some programs write an address as if it were a name.
            let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
            is_address || policy::is_tls_host(name)
        }
        // A program that looked the name up itself: the first bytes tell whose it is.
        TargetAddr::Ip(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// The answer's code to a request for this name, and whether the connection goes on.
    async fn asked(command: u8, name: &str) -> (u8, bool) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let mut program = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("listening");
        let (tcp, _) = listener.accept().await.expect("connected");
        let answered = tokio::spawn(negotiate(tcp));
        program.write_all(&[5, 1, 0]).await.expect("connected");
        let mut method = [0; 2];
        program.read_exact(&mut method).await.expect("an answer");
        assert_eq!(method, [5, 0]);
        let len = u8::try_from(name.len()).expect("short");
        let request = [&[5, command, 0, 3, len], name.as_bytes(), &[1, 187]].concat();
        program.write_all(&request).await.expect("connected");
        let mut reply = [0; 10];
        program.read_exact(&mut reply).await.expect("an answer");
        (reply[1], answered.await.expect("no panic").is_some())
    }

    #[tokio::test]
    async fn only_whatsapps_hosts_are_connected_to() {
        for name in [
            "web.whatsapp.com",
            "mmg.whatsapp.net",
            "G.WhatsApp.net.",
            "157.240.0.60",
            "2a03:2880::1",
            "[2a03:2880::1]",
        ] {
            assert_eq!(asked(1, name).await, (0, true), "{name}");
        }
        for name in ["example.com", "whatsapp.net.example", "localhost"] {
            assert_eq!(asked(1, name).await, (2, false), "{name}");
        }
        assert_eq!(asked(2, "web.whatsapp.com").await, (7, false));
    }
}
