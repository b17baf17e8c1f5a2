//! The race between a stream's candidates: one after the other 300 ms apart, a few at once, the first that answers wins.
//!
//! It opens no socket: it tells the adapter which candidate to connect or abandon, and when to wake it. After RFC 8305.

use alloc::collections::VecDeque;

use crate::{codes::Code, limits, time::Instant};

/// The position of a candidate in the list that the race began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate(pub usize);

/// What happened to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It accepted the connection.
    Opened(Candidate),
    /// It refused it.
    Failed(Candidate),
    /// Time has passed.
    Timer,
}

/// What the adapter is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Start connecting.
    Connect(Candidate),
    /// Close; it lost.
    Abandon(Candidate),
    /// Use this one. The race is over.
    Won(Candidate),
    /// None is to be had. The race is over.
    Lost(Code),
    /// Nothing to do before this time.
    Wait(Instant),
}

/// A race under way.
#[derive(Debug)]
pub struct Dial {
    waiting: VecDeque<Candidate>,
    in_flight: VecDeque<Candidate>,
    /// When the next candidate may start though others are under way.
    next_start: Instant,
    deadline: Instant,
    outputs: VecDeque<Output>,
    over: bool,
}

impl Dial {
    /// A race of `candidates` many, the `preferred` one first and the others in their order.
    pub fn new(candidates: usize, preferred: Option<Candidate>, now: Instant) -> Self {
        let preferred = preferred.filter(|Candidate(index)| *index < candidates);
        let others = (0..candidates).map(Candidate).filter(|candidate| Some(*candidate) != preferred);
        let mut race = Self {
            waiting: preferred.into_iter().chain(others).collect(),
            in_flight: VecDeque::new(),
            next_start: now,
            deadline: now + limits::DIAL_TOTAL,
            outputs: VecDeque::new(),
            over: false,
        };
        race.advance(now);
        race
    }

    /// Takes what happened.
    pub fn handle(&mut self, input: Input, now: Instant) {
        if self.over {
            return;
        }
        match input {
            Input::Opened(winner) => {
                if self.in_flight.contains(&winner) {
                    self.in_flight.retain(|candidate| *candidate != winner);
                    self.end(Output::Won(winner));
                }
                return;
            }
            Input::Failed(loser) => {
                let before = self.in_flight.len();
                self.in_flight.retain(|candidate| *candidate != loser);
                if self.in_flight.len() < before {
                    self.next_start = now;
                }
            }
            Input::Timer => {}
        }
        self.advance(now);
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.wake()))
    }

    fn wake(&self) -> Instant {
        let may_start = !self.waiting.is_empty() && self.in_flight.len() < limits::DIAL_IN_FLIGHT;
        if may_start { self.next_start.min(self.deadline) } else { self.deadline }
    }

    fn advance(&mut self, now: Instant) {
        if now >= self.deadline {
            return self.end(Output::Lost(Code::UpstreamTimeout));
        }
        if now >= self.next_start
            && self.in_flight.len() < limits::DIAL_IN_FLIGHT
            && let Some(candidate) = self.waiting.pop_front()
        {
            self.in_flight.push_back(candidate);
            self.outputs.push_back(Output::Connect(candidate));
            self.next_start = now + limits::DIAL_STAGGER;
        }
        if self.in_flight.is_empty() && self.waiting.is_empty() {
            self.end(Output::Lost(Code::UpstreamRefused));
        }
    }

    fn end(&mut self, result: Output) {
        self.over = true;
        self.waiting.clear();
        self.outputs.extend(self.in_flight.drain(..).map(Output::Abandon));
        self.outputs.push_back(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn drain(race: &mut Dial) -> Vec<Output> {
        let mut outputs = Vec::new();
        loop {
            let output = race.poll();
            outputs.push(output);
            if matches!(output, Output::Wait(_) | Output::Won(_) | Output::Lost(_)) {
                return outputs;
            }
        }
    }

    #[test]
    fn candidates_start_300_ms_apart_and_three_at_once() {
        let mut race = Dial::new(5, None, at(0));
        assert_eq!(drain(&mut race), [Output::Connect(Candidate(0)), Output::Wait(at(300))]);
        for (now, candidate, wake) in [(300, 1, 600), (600, 2, 8000)] {
            race.handle(Input::Timer, at(now));
            assert_eq!(drain(&mut race), [Output::Connect(Candidate(candidate)), Output::Wait(at(wake))]);
        }
        race.handle(Input::Timer, at(1000));
        assert_eq!(drain(&mut race), [Output::Wait(at(8000))]);
        race.handle(Input::Failed(Candidate(1)), at(1100));
        assert_eq!(drain(&mut race), [Output::Connect(Candidate(3)), Output::Wait(at(8000))]);
    }

    #[test]
    fn the_first_to_answer_wins_and_the_others_are_abandoned() {
        let mut race = Dial::new(2, Some(Candidate(1)), at(0));
        race.handle(Input::Timer, at(300));
        race.handle(Input::Opened(Candidate(0)), at(310));
        let expected = [
            Output::Connect(Candidate(1)),
            Output::Connect(Candidate(0)),
            Output::Abandon(Candidate(1)),
            Output::Won(Candidate(0)),
        ];
        assert_eq!(drain(&mut race), expected);
        race.handle(Input::Opened(Candidate(1)), at(320));
        assert!(matches!(race.poll(), Output::Wait(_)));
    }

    #[test]
    fn all_refusing_is_told_from_none_answering() {
        let mut race = Dial::new(2, None, at(0));
        race.handle(Input::Failed(Candidate(0)), at(5));
        race.handle(Input::Failed(Candidate(1)), at(9));
        assert_eq!(drain(&mut race).last(), Some(&Output::Lost(Code::UpstreamRefused)));

        let mut race = Dial::new(1, None, at(0));
        assert_eq!(drain(&mut race).last(), Some(&Output::Wait(at(8000))));
        race.handle(Input::Timer, at(8000));
        assert_eq!(drain(&mut race), [Output::Abandon(Candidate(0)), Output::Lost(Code::UpstreamTimeout)]);
    }
}
