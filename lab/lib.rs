//! A simulated censor and a simulated bad line, as pure functions of packets and of the time they are told.
//!
//! Up to `line` nothing opens a device, reads a clock or sleeps: the router does, and gives packets and times. Empty but on Linux.

#![cfg(target_os = "linux")]

pub mod packet;
pub mod rate;
pub mod hello;
pub mod behaviour;
pub mod dns;
pub mod fingerprint;
pub mod lists;
pub mod flow;
pub mod scene;
pub mod residual;

pub mod censor;

pub mod line;

mod network;
mod router;
pub mod system;
mod place;
mod programs;
mod ours;
mod resolvers;
mod interceptor;
mod servers;
mod reach;
pub mod phone;
pub mod speed;

pub mod experiment;
pub mod report;
pub mod table;
pub mod ratio;
pub mod speeds;

#[cfg(test)]
mod testing;

pub use network::NEEDS;
