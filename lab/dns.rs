//! Reads the question of a DNS message, and writes an answer to it, forged or true.
//!
//! It knows no more of DNS than a censor needs: one question, and no compression in it, which no client uses there.

use std::net::Ipv4Addr;

use crate::behaviour::Forged;

/// Bytes of the header.
const HEADER: usize = 12;
/// Record type of an IPv4 address.
const A: u16 = 1;
/// How long a forged address may be kept, in seconds.
const TTL: u32 = 60;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in lower case, without a dot at its end.
    pub name: String,
    /// The record type that is wanted.
    pub kind: u16,
    /// Bytes of the message up to the end of the question.
    end: usize,
}

/// Reads the first question of a message. `None` if it is an answer, or none at all.
#[must_use]
pub fn question(message: &[u8]) -> Option<Question> {
    let [_, _, flags, _, high, low, ..] = message else { return None };
    if flags & 0x80 != 0 || u16::from_be_bytes([*high, *low]) == 0 {
        return None;
    }
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        match length {
            0 => break,
            1..=63 => {
                labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_ascii_lowercase());
                at += length;
            }
            _ => return None,
        }
    }
    let [high, low, _, _] = *message.get(at..at + 4)? else { return None };
    Some(Question { name: labels.join("."), kind: u16::from_be_bytes([high, low]), end: at + 4 })
}

/// A forged answer to a message with a question.
#[must_use]
pub fn answer(message: &[u8], forged: Forged) -> Option<Vec<u8>> {
    match forged {
        Forged::Address(address) => told(message, Some(&[address])),
        Forged::NoSuchName => told(message, None),
    }
}

/// A true answer: the IPv4 addresses of the name, or nothing if there is no such name.
#[must_use]
pub fn told(message: &[u8], addresses: Option<&[Ipv4Addr]>) -> Option<Vec<u8>> {
    let question = question(message)?;
    let code = if addresses.is_some() { 0 } else { 3 };
    let addresses = addresses.filter(|_| question.kind == A).unwrap_or_default();
    let mut answer = message.get(..question.end)?.to_vec();
    let counts = [0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0];
    // An answer; whether recursion was desired is copied, and it is available.
    answer[2] = 0x80 | answer[2] & 0x79;
    answer[3] = 0x80 | code;
    answer[4..HEADER].copy_from_slice(&counts);
    for address in addresses {
        answer.extend_from_slice(&[0xc0, 0x0c, 0, 1, 0, 1]);
        answer.extend_from_slice(&TTL.to_be_bytes());
        answer.extend_from_slice(&[0, 4]);
        answer.extend_from_slice(&address.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_question_is_read_and_answered() {
        let asked = testing::dns_question("Relay.Example", 1);
        let read = question(&asked).unwrap();
        assert_eq!((read.name.as_str(), read.kind, read.end), ("relay.example", 1, asked.len()));
        let answer = answer(&asked, Forged::Address(Ipv4Addr::new(10, 10, 34, 34))).unwrap();
        assert_eq!((&answer[..2], &answer[2..12]), (&asked[..2], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..]));
        assert_eq!(answer[answer.len() - 6..], [0, 4, 10, 10, 34, 34]);
        assert_eq!(question(&answer), None);
    }

    #[test]
    fn the_truth_may_be_several_addresses() {
        let asked = testing::dns_question("relay.example", 1);
        let both = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
        let answer = told(&asked, Some(&both)).unwrap();
        assert_eq!((answer[7], answer.len()), (2, asked.len() + 2 * 16));
        assert_eq!(answer[answer.len() - 4..], [192, 0, 2, 2]);
    }

    #[test]
    fn who_asks_for_ipv6_hears_that_there_is_none() {
        let asked = testing::dns_question("relay.example", 28);
        let none = answer(&asked, Forged::Address(Ipv4Addr::LOCALHOST)).unwrap();
        assert_eq!((none.len(), none[3], none[7]), (asked.len(), 0x80, 0));
        assert_eq!(answer(&asked, Forged::NoSuchName).unwrap()[3], 0x83);
    }
}
