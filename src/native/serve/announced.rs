//! A PROXY header before TLS: how web servers in front that pass TCP on say whose connection it is.
//!
//! It is read from those that the operator named alone. For everybody else it is the beginning of what it is not.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Buf, BytesMut};
use pasarela_core::proxy::{self, Decoded};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use crate::net::Prefixed;

/// It comes with the connection, or what follows comes; a request's head may take as long.
const DUE: Duration = Duration::from_secs(60);

/// Reads the header, if there is one; gives whom it names, and the connection behind it.
pub(super) async fn read<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<(Option<SocketAddr>, Prefixed<S>)> {
    let mut first = BytesMut::with_capacity(512);
    let reading = async {
        loop {
            match proxy::decode(&first) {
                Decoded::Header { len, source } => {
                    first.advance(len);
                    return Ok(source);
                }
                Decoded::Absent => return Ok(None),
                Decoded::Incomplete { .. } => {}
            }
            if stream.read_buf(&mut first).await? == 0 {
                return Ok::<_, io::Error>(None);
            }
        }
    };
    let source = timeout(DUE, reading).await??;
    Ok((source, Prefixed::new(first.freeze(), stream)))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    async fn behind(said: &[u8]) -> (Option<SocketAddr>, String) {
        let (mut near, far) = duplex(1024);
        near.write_all(said).await.expect("room");
        drop(near);
        let (source, mut stream) = read(far).await.expect("read");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("text");
        (source, rest)
    }

    #[tokio::test]
    async fn the_header_is_taken_off_and_nothing_else_is() {
        let client: IpAddr = "192.0.2.7".parse().expect("an address");
        for version in [proxy::Version::V1, proxy::Version::V2] {
            let said = [&proxy::encode(version, Some(client))[..], b"GET / HTTP/1.1\r\n"].concat();
            let (source, rest) = behind(&said).await;
            assert_eq!((source.map(|source| source.ip()), rest.as_str()), (Some(client), "GET / HTTP/1.1\r\n"));
            let said = [&proxy::encode(version, None)[..], b"\x16\x03"].concat();
            assert_eq!(behind(&said).await, (None, "\x16\x03".to_owned()));
        }
        for said in ["GET / HTTP/1.1\r\n", "PROPFIND / HTTP/1.1\r\n", "PRO", ""] {
            assert_eq!(behind(said.as_bytes()).await, (None, said.to_owned()));
        }
    }
}
