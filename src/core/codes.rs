//! Why a stream ended: the WebSocket close codes of the relay and the token that goes with each as the reason.
//!
//! It says nothing else to the client, and nothing about anybody: a closed set of words cannot identify a user.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $token:literal;)*) => {
        /// A close code with its token; the token alone is the close reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The number in the close frame (RFC 6455 section 7.4).
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The reason in the close frame.
            pub const fn token(self) -> &'static str {
                match self { $(Self::$name => $token,)* }
            }

            /// The code with this token.
            pub fn from_token(token: &str) -> Option<Self> {
                match token { $($token => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// Both sides had said all.
    End = 1000 "end";
    /// The relay is being replaced; connect again.
    Draining = 1001 "draining";
    /// A text message where only binary ones carry anything.
    Text = 1003 "text";
    /// The TLS name is not WhatsApp's.
    Destination = 1008 "destination";
    /// The first bytes are not those of the route's protocol.
    Garbage = 1008 "garbage";
    /// The first bytes did not come in time.
    Silent = 1008 "silent";
    /// One message is larger than anything the relay would hold.
    TooBig = 1009 "too-big";
    /// More was sent than the upstream takes.
    Queue = 1009 "queue";
    /// No candidate accepted a connection.
    UpstreamRefused = 1011 "upstream-refused";
    /// The upstream ended in mid-stream.
    UpstreamReset = 1011 "upstream-reset";
    /// No candidate answered in time.
    UpstreamTimeout = 1011 "upstream-timeout";
    /// The relay's own fault; connect again.
    Crashed = 1011 "crashed";
    /// No capacity, or no upstream to be had; try again later or elsewhere.
    Busy = 1013 "busy";
    /// The platform's CPU budget is nearly used up.
    Cpu = 1013 "cpu";
    /// The peer broke the tunnel's protocol.
    Protocol = 4000 "protocol";
    /// A newer connection carries this stream.
    Superseded = 4001 "superseded";
    /// There is no such session.
    Gone = 4002 "gone";
    /// No byte went either way for too long.
    Idle = 4003 "idle";
    /// Too many messages wait.
    Flood = 4005 "flood";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_unique_and_every_number_may_be_sent() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL.iter().skip(index + 1).all(|other| other.token() != code.token()));
            assert!(matches!(code.number(), 1000 | 1001 | 1003 | 1008 | 1009 | 1011 | 1013 | 4000..=4999));
            assert!(code.token().len() <= 123);
            assert_eq!(Code::from_token(code.token()), Some(*code));
        }
    }
}
