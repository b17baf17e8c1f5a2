//! The server's side of one chat connection: handshake, pairing, keep-alives.
//!
//! No IO: it takes what `intake` found and says what to send; `chat` and `web` send it.

use std::sync::Arc;

use bytes::Bytes;
use pasarela_noise::{
    Responder, ResponderKeys, Transport,
    proto::{Fields, Value},
    wire,
};

use super::{
    delivery::Delivery,
    identity::NoiseIdentity,
    intake::{Event, Garbage},
    measure::Mode,
    stanza::{self, Said},
    stats::{PayloadSeen, Recorder},
};

/// What the simulator tells clients about its edge, in the form WhatsApp's has.
pub(super) const ROUTING_INFO: [u8; 6] = [0x08, 0x02, 0x08, 0x05, 0x08, 0x12];

/// What all connections share.
pub(super) struct World {
    pub(super) delivery: Delivery,
    pub(super) noise: NoiseIdentity,
    pub(super) recorder: Arc<Recorder>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Read on.
    Nothing,
    /// Send these frames, each with its length, which became ready together.
    Send(Vec<Vec<u8>>),
    /// From here on the connection is measured.
    Measure(Mode),
}

pub(super) struct Conversation {
    world: Arc<World>,
    state: State,
}

enum State {
    /// Nothing came yet.
    Start,
    /// The header came, the hello is due.
    Hello([u8; 4]),
    /// The server's hello went, the client's finish is due.
    Finish(Responder),
    Open(Box<Transport>),
    /// The client erred.
    Dead,
}

impl Conversation {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self { world, state: State::Start }
    }

    pub(super) fn on(&mut self, event: Event) -> Result<Step, Garbage> {
        match event {
            Event::Proxy(seen) => self.world.recorder.record(|stats| {
                stats.proxy_headers += 1;
                stats.proxy = Some(seen);
            }),
            Event::RoutingInfo(info) => {
                let info = Some(info.to_vec());
                self.world.recorder.record(|stats| stats.routing_info = info);
            }
            Event::Header(header) => self.state = State::Hello(header),
            Event::Frame(body) => return self.on_frame(&body),
        }
        Ok(Step::Nothing)
    }

    fn on_frame(&mut self, body: &Bytes) -> Result<Step, Garbage> {
        match std::mem::replace(&mut self.state, State::Dead) {
            State::Start | State::Dead => Err(Garbage),
            State::Hello(header) => match Mode::parse(body)? {
                Some(mode) => Ok(Step::Measure(mode)),
                None => self.on_hello(header, body),
            },
            State::Finish(responder) => self.on_finish(responder, body),
            State::Open(transport) => self.on_stanza(transport, body),
        }
    }

    fn on_hello(&mut self, header: [u8; 4], body: &[u8]) -> Result<Step, Garbage> {
        let noise = &self.world.noise;
        let keys = ResponderKeys { ephemeral: noise.random(), static_secret: noise.static_secret, chain: &noise.chain };
        let (responder, hello) = Responder::answer(&keys, header, body).map_err(|_| Garbage)?;
        self.state = State::Finish(responder);
        Ok(Step::Send(vec![framed(&hello)]))
    }

    fn on_finish(&mut self, responder: Responder, body: &[u8]) -> Result<Step, Garbage> {
        let finish = responder.read_client_finish(body).map_err(|_| Garbage)?;
        let payload = PayloadSeen { len: finish.payload.len(), parsed: is_client_payload(&finish.payload) };
        self.world.recorder.record(|stats| {
            stats.handshakes += 1;
            stats.payload = Some(payload);
        });
        tracing::debug!(payload = payload.len, "handshake complete");
        let references = [(); 6].map(|()| self.world.noise.random());
        let mut stanzas = vec![stanza::pair_device(references)];
        if self.world.delivery == Delivery::Coalesced {
            stanzas.push(stanza::server_ping());
        }
        self.say(Box::new(finish.transport), &stanzas)
    }

    fn on_stanza(&mut self, mut transport: Box<Transport>, body: &[u8]) -> Result<Step, Garbage> {
        let plaintext = transport.decrypt(body).map_err(|_| Garbage)?;
        let answer = match stanza::read(&plaintext) {
            Said::Paired => {
                self.world.recorder.record(|stats| stats.pairings += 1);
                Some(stanza::edge_routing(&ROUTING_INFO))
            }
            Said::Ping(id) => {
                self.world.recorder.record(|stats| stats.pings += 1);
                Some(stanza::pong(&id))
            }
            Said::Other => None,
        };
        self.say(transport, answer.as_slice())
    }

    fn say(&mut self, mut transport: Box<Transport>, stanzas: &[Vec<u8>]) -> Result<Step, Garbage> {
        let mut frames = Vec::with_capacity(stanzas.len());
        for stanza in stanzas {
            // Fails after 2^32 frames only; the client has to connect anew then.
            frames.push(framed(&transport.encrypt(stanza).map_err(|_| Garbage)?));
        }
        self.state = State::Open(transport);
        Ok(if frames.is_empty() { Step::Nothing } else { Step::Send(frames) })
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(body.len() + wire::FRAME_HEADER);
    wire::encode_frame(body, &mut frame).expect("the simulator's messages are under 1 KiB");
    frame
}

/// Whether this is protobuf with a user agent.
fn is_client_payload(payload: &[u8]) -> bool {
    let mut user_agent = false;
    for field in Fields::new(payload) {
        match field {
            Ok((5, Value::Bytes(_))) => user_agent = true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    user_agent
}
