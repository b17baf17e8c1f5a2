//! The relay on Cloudflare: uploads the Worker by the platform's API, keeps its keys, takes it away. And the keys of `serve`.
//!
//! What is asked for and what is said is the command line's. wrangler is the oracle: what it would send for wrangler.toml is sent
//! here, and `../../tests/deploy.rs` compares both. Nobody is told the token, and no value of a secret is ever read.

mod token;
mod http;
mod api;
mod journal;
mod person;
mod form;
mod site;
mod worker;
mod place;
mod keyfile;

pub(crate) use api::{Api, ApiError, Base, Change, Meaning, Planned};
pub(crate) use http::{Http, Unreached};
pub(crate) use journal::{Changes, Journal};
pub(crate) use keyfile::{KeyFile, KeyFileError};
pub(crate) use person::{Person, UnusableName, is_worker_name, random_key, random_subdomain, random_worker_name};
pub(crate) use place::{Account, Existing, Place, Stored, Unstored, accounts, relays, verify};
pub(crate) use site::{Site, UnusableSite};
pub(crate) use token::Token;
pub(crate) use worker::{UnusableWorker, Worker};
