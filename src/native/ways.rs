//! Which of the many ways to a relay to try next, judged by what the last ones met. Pure: no socket, no clock, no chance of its own.
//!
//! A *way* is all that a network can judge. What an attempt met is *evidence*. The planner chooses; `connect` does.

mod way;
mod evidence;
mod detour;
mod speed;
mod memory;
mod attempt;
mod planner;

pub(crate) use attempt::{Id, Limits};
pub use detour::{Detour, Met};
pub(crate) use evidence::Evidence;
pub(crate) use memory::{Memories, Memory, Network};
pub(crate) use planner::{Input, Output, Planner};
pub(crate) use speed::Slow;
pub(crate) use way::{Endpoint, Greeting, Way};
pub use way::{Name, Shape, Stack};
