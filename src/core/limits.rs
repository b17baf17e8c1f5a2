//! Every limit of the relay, with its unit and its reason.
//!
//! It enforces nothing: the module that meets a limit names it from here, and the operator's variables are in `config`.

use core::time::Duration;

/// First bytes of a stream are due this long after the upgrade: a scanner that only connects holds nothing for longer.
pub const FIRST_BYTES: Duration = Duration::from_secs(10);

/// Pause before the next candidate is dialled beside the ones under way (RFC 8305 recommends 250 ms; a phone's first
/// address is more often slow than dead).
pub const DIAL_STAGGER: Duration = Duration::from_millis(300);

/// Candidates dialled at once. The platform queues a seventh connection that is still being established.
pub const DIAL_IN_FLIGHT: usize = 3;

/// Connections that the platform lets one request, or one object with all its tunnels, establish at a time; a further one waits.
pub const DIALS: usize = 6;

/// How many of these may be for tunnels of one key before a further one of it is opened elsewhere.
pub const DIALS_OF_ONE: usize = 4;

/// All candidates together have this long. WhatsApp's clients give up after 20 s.
pub const DIAL_TOTAL: Duration = Duration::from_secs(8);

/// One WebSocket upgrade to an upstream URL has this long before the next URL is tried.
pub const WEB_DIAL: Duration = Duration::from_secs(8);

/// A stream without a byte either way is closed after this long, as the official proxy does; keep-alives come every 30 s.
pub const IDLE: Duration = Duration::from_secs(200);

/// After our end of the stream is sent, the upstream has this long for its own.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Bytes that are read of an upstream behind a client who has gone, to hear its end. One that has more to say is not listened to: who
/// vanishes in a download would have the relay fetch the rest of it, as fast as it goes.
pub const UNHEARD: usize = 256 << 10;

/// What is still queued when a client leaves has this long to be written.
pub const FLUSH: Duration = Duration::from_secs(15);

/// The platform ends the work of a request this long after its client has gone: an adapter could then no longer let go of the
/// stream.
const AFTER_CLIENT: Duration = Duration::from_secs(30);

// The longest way to the end begins while the upstream is dialled.
const _: () = assert!(DIAL_TOTAL.as_millis() + FLUSH.as_millis() + DRAIN.as_millis() < AFTER_CLIENT.as_millis());
const _: () = assert!(CLOSE.as_millis() < AFTER_CLIENT.as_millis());

/// A client has this long to answer the close of its WebSocket.
pub const CLOSE: Duration = Duration::from_secs(20);

/// Bytes of one client not yet taken by the upstream, beyond which the stream is closed. A WebSocket's receiver cannot be
/// paused on the platform, and an isolate has 128 MB for all its connections.
pub const UPLOAD_QUEUE: usize = 16 << 20;

/// Queued messages are joined to one write of up to this many bytes: a write costs 25–45 µs whatever its size.
pub const WRITE_BATCH: usize = 64 << 10;

/// Chunks that wait before neighbours are joined, so that small messages cost no handle each.
pub const QUEUE_CHUNKS: usize = 1 << 10;

/// Bytes that all streams of an isolate may hold together for clients and upstreams that do not take them, in our queues and in
/// the runtime's; beyond it a stream is closed of the key that holds most. An isolate has 128 MB, and what was let go of is collected later.
pub const ISOLATE_HELD: usize = 48 << 20;

/// Of these, bytes that may wait in the runtime for clients. Nobody takes them back, so some must be left for what can be.
pub const DOWNLOAD_BACKLOGS: usize = 8 << 20;

/// Bytes the runtime holds for one slow client, beyond which the upstream is not read.
pub const DOWNLOAD_BACKLOG: u32 = 1 << 20;

/// What the runtime still holds for a client when his stream ends is counted for so long. Nothing of the stream is left to look
/// whether he takes it, or has gone.
pub const UNSENT: Duration = Duration::from_secs(60);

/// What a tunnel's sender may have beyond the last acknowledgement before its peer has said anything, in bytes; no window
/// is smaller.
pub const WINDOW_MIN: u32 = 64 << 10;

/// The largest window of a tunnel, in bytes: a megabyte a round trip of 100 ms is 80 Mbit/s.
pub const WINDOW_MAX: u32 = 1 << 20;

/// Who sends half a window within this time gets one of twice the size: on a long way it would wait for the acknowledgement of a
/// small one longer than for anything else. Half, because TCP begins with a few packets and sends twice as many with every round
/// trip: what is on its way must never find the window full. So no window is more than what the line carries in four times this
/// time, which must be sent again when a carrier is lost.
pub const WINDOW_GROWS: Duration = Duration::from_secs(1);

/// An acknowledgement is due when this part of a window was delivered since the last, of the smaller of both sides' windows:
/// often enough for the sender never to wait, and seldom, since sending one costs the relay about as much as a message.
pub const ACKS_PER_WINDOW: u32 = 4;

/// The client acknowledges after this many bytes at the latest: it keeps the relay's reading smooth, and what is on its way
/// in the caches, which saves the relay more than the acknowledgements cost it.
pub const CLIENT_ACK_BYTES: u32 = 64 << 10;

/// Bytes that were delivered this long ago, and at least so many, are acknowledged however large the window is: on a slow line
/// its sender waits for nothing else.
pub const ACK_AFTER: (Duration, u32) = (Duration::from_secs(1), MESSAGE_MIN);

/// A message to a peer on a slow line has at least this many bytes.
pub const MESSAGE_MIN: u32 = 4 << 10;

/// A message to a peer of whom nothing is known yet has at most this many bytes.
pub const MESSAGE_AT_FIRST: u32 = 16 << 10;

/// Messages delivered since the last acknowledgement at which the next is sent, however few their bytes: it lets a sender
/// of small messages keep below `IN_FLIGHT_MESSAGES`.
pub const ACK_MESSAGES: u32 = 256;

/// Messages a tunnel's sender has beyond the last acknowledgement, at most; each is a chunk to be held.
pub const IN_FLIGHT_MESSAGES: usize = 1 << 10;

/// Messages received and not yet delivered, beyond which their sender has ignored all of the above.
pub const UNDELIVERED_MESSAGES: u32 = 4 << 10;

/// The longest control message of a tunnel, in bytes.
pub const CONTROL: usize = 4 << 10;

/// The longest data message of a tunnel, in bytes.
pub const TUNNEL_CHUNK: usize = 1 << 20;

/// Bytes of a message that are reckoned as one packet.
pub const PACKET: usize = 1300;

/// Packets that a carrier is used for where networks freeze connections after some 25, both ways together: the handshakes have
/// had 17 of them, and every second packet is acknowledged by another.
pub const FROZEN_PACKETS: u64 = 4;

/// A stream counts packets for this long; then it tries whether it must.
pub const FROZEN_FOR: Duration = Duration::from_secs(40 * 60);

/// A carrier that fell silent after at most so many packets may have been frozen.
pub const FREEZES_WITHIN: u64 = 40;

/// Stream bytes that may travel in the upgrade. More would not fit the 4 KiB that some servers allow a header line.
pub const EARLY_DATA: usize = 2560;

/// A tunnel whose carrier was lost is kept this long.
pub const RESUME_FOR: Duration = Duration::from_secs(120);

/// Tunnels of one isolate or object, attached or not.
pub const SESSIONS: usize = 512;

/// Windows in bytes that all tunnels of one isolate or object may have together. Most hold nothing; what all streams of an
/// isolate do hold, those of its objects included, is bounded by `ISOLATE_HELD`.
pub const HELD: usize = 64 << 20;

/// The longest WhatsApp frame that is held to be delivered whole. Longer ones pass through in pieces.
pub const FRAME: usize = 1 << 20;

/// Pieces of a frame held before they are joined, so that a byte at a time costs no handle a byte.
pub const FRAME_PIECES: usize = 1 << 10;

/// The longest TLS ClientHello, with its record headers, in which a name is looked for.
pub const CLIENT_HELLO: usize = 16 << 10;

/// The longest routing info (`?ED=`), in bytes after decoding.
pub const ROUTING_INFO: usize = 1 << 10;

/// A relay key's length in characters.
pub const KEY: core::ops::RangeInclusive<usize> = 16..=128;

/// How long the answer to `status.json?probe=1` is kept.
pub const PROBE_CACHE: Duration = Duration::from_secs(60);
