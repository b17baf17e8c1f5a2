//! A WhatsApp client for tests: raw bytes over either transport, and Noise over that.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::{Buf, BytesMut};
use futures_util::{SinkExt, StreamExt};
use pasarela_noise::{Initiator, Transport, verify, wire};
use pasarela_sim::Sim;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};
use wacore_binary::{Node, builder::NodeBuilder};

use crate::within;

/// A client payload as far as the simulator looks: a user agent of platform 14 (web).
pub(crate) const PAYLOAD: [u8; 4] = [0x2a, 2, 8, 14];

/// A connection to one of the chat listeners.
pub(crate) enum Link {
    Tcp(TcpStream),
    Web(Box<WebSocketStream<TcpStream>>),
}

impl Link {
    pub(crate) async fn tcp(sim: &Sim) -> Self {
        let stream = TcpStream::connect(sim.chat()).await.expect("listens");
        stream.set_nodelay(true).expect("connected");
        Self::Tcp(stream)
    }

    pub(crate) async fn web(sim: &Sim) -> Self {
        Self::web_at(sim, &sim.web_url(), &[]).await
    }

    pub(crate) async fn web_at(sim: &Sim, url: &str, headers: &[(&'static str, &str)]) -> Self {
        Self::web_to(sim.web(), url, headers).await
    }

    /// A WebSocket of whoever listens there.
    pub(crate) async fn web_to(address: SocketAddr, url: &str, headers: &[(&'static str, &str)]) -> Self {
        let stream = TcpStream::connect(address).await.expect("listens");
        let mut builder = ClientBuilder::new().uri(url).expect("a URL");
        for (name, value) in headers {
            let value = value.parse().expect("a header value");
            let name = hyper::header::HeaderName::from_static(name);
            builder = builder.add_header(name, value).expect("allowed");
        }
        let (web, _) = within(builder.connect_on(stream)).await.expect("upgraded");
        Self::Web(Box::new(web))
    }

    /// Sends as one message, or as bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await.expect("connected"),
            Self::Web(web) => {
                let message = Message::binary(bytes.to_vec());
                web.send(message).await.expect("connected");
            }
        }
    }

    /// What came next: a message, or some bytes. `None` at the end, however it came.
    pub(crate) async fn read(&mut self) -> Option<BytesMut> {
        let mut buffer = BytesMut::with_capacity(256 * 1024);
        match self {
            Self::Tcp(stream) => {
                let n = stream.read_buf(&mut buffer).await.unwrap_or(0);
                (n != 0).then_some(buffer)
            }
            Self::Web(web) => {
                let message = web.next().await?.ok()?;
                if message.is_close() {
                    return None;
                }
                Some(message.as_payload()[..].into())
            }
        }
    }

    /// All bytes up to the end.
    pub(crate) async fn read_all(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(bytes) = self.read().await {
            all.extend_from_slice(&bytes);
        }
        all
    }

    /// Exactly `len` more bytes, not minding in which pieces.
    pub(crate) async fn read_len(&mut self, len: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < len {
            all.extend(self.read().await.expect("more before the end"));
        }
        assert_eq!(all.len(), len);
        all
    }

    /// Sends WhatsApp's header and one frame.
    pub(crate) async fn start(&mut self, intro: &[u8], first: &[u8]) {
        let mut bytes = intro.to_vec();
        wire::encode_frame(first, &mut bytes).expect("short");
        self.send(&bytes).await;
    }

    /// Sends WhatsApp's header and a measuring command.
    pub(crate) async fn command(&mut self, command: &str) {
        self.start(&wire::HEADER, command.as_bytes()).await;
    }
}

/// A client past the handshake.
pub(crate) struct Client {
    pub(crate) link: Link,
    pub(crate) transport: Transport,
    buffer: BytesMut,
}

impl Client {
    /// The whole handshake, with the chain verified; `intro` is what precedes the first frame.
    pub(crate) async fn connect(sim: &Sim, mut link: Link, intro: &[u8]) -> Self {
        let (initiator, hello) = Initiator::new([6; 32]);
        link.start(intro, &hello).await;
        let mut buffer = BytesMut::new();
        let hello = next_frame(&mut link, &mut buffer).await;
        let hello = initiator.read_server_hello(&hello).expect("a server hello");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        verify(hello.server_static(), hello.chain(), sim.root_key(), now.as_secs())
            .expect("the simulator's chain holds");
        let (finish, transport) = hello.finish(&[5; 32], &PAYLOAD).expect("sound keys");
        let mut frame = Vec::new();
        wire::encode_frame(&finish, &mut frame).expect("short");
        link.send(&frame).await;
        Self { link, transport, buffer }
    }

    pub(crate) async fn next_stanza(&mut self) -> Node {
        let frame = next_frame(&mut self.link, &mut self.buffer).await;
        let plaintext = self.transport.decrypt(&frame).expect("decrypts");
        let unpacked = wacore_binary::util::unpack(&plaintext).expect("unpacks");
        let node = wacore_binary::marshal::unmarshal_ref(&unpacked).expect("decodes");
        node.to_owned()
    }

    pub(crate) async fn send_iq(&mut self, attributes: [(&'static str, &'static str); 3]) {
        let iq = NodeBuilder::new("iq").attrs(attributes).build();
        let plaintext = wacore_binary::marshal(&iq).expect("encodes");
        let body = self.transport.encrypt(&plaintext).expect("counter left");
        let mut frame = Vec::new();
        wire::encode_frame(&body, &mut frame).expect("short");
        self.link.send(&frame).await;
    }

    /// To the pairing stanza, its answer, edge routing, and a keep-alive.
    pub(crate) async fn pair(&mut self) {
        let pairing = within(self.next_stanza()).await;
        assert_eq!(attribute(&pairing, "type"), "set");
        let references = pairing.children().and_then(|it| it.first()?.children());
        assert_eq!(references.map(<[_]>::len), Some(6));
        self.send_iq([("to", "s.whatsapp.net"), ("type", "result"), ("id", "1001")]).await;

        let mut next = within(self.next_stanza()).await;
        if attribute(&next, "xmlns") == "urn:xmpp:ping" {
            next = within(self.next_stanza()).await;
        }
        let info = next.get_optional_child("edge_routing");
        assert!(info.and_then(|it| it.get_optional_child("routing_info")).is_some());

        self.send_iq([("type", "get"), ("xmlns", "w:p"), ("id", "9.1")]).await;
        let pong = within(self.next_stanza()).await;
        assert_eq!((attribute(&pong, "type"), attribute(&pong, "id")), ("result".into(), "9.1".into()));
    }
}

fn attribute(node: &Node, name: &str) -> String {
    let value = node.attrs.get(name);
    value.map(|it| it.as_str().into_owned()).unwrap_or_default()
}

/// The next frame's body. On WebSocket a message must be exactly one frame.
async fn next_frame(link: &mut Link, buffer: &mut BytesMut) -> Vec<u8> {
    loop {
        if let Some((body, rest)) = wire::decode_frame(buffer) {
            let (body, rest) = (body.to_vec(), rest.len());
            assert!(rest == 0 || matches!(link, Link::Tcp(_)), "two frames in a message");
            buffer.advance(buffer.len() - rest);
            return body;
        }
        assert!(buffer.is_empty() || matches!(link, Link::Tcp(_)), "part of a frame in a message");
        buffer.unsplit(within(link.read()).await.expect("a frame before the end"));
    }
}
