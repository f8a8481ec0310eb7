//! What people look at: the dashboard, the API, the events as a table, the story behind a decision.
//!
//! Reads the journal through [`store::Reader`] and nothing else of mailward: what only the running
//! guard knows, and what is ordered, goes through [`Host`], which the program provides. Every
//! string that is shown was written by a stranger until proven otherwise: templates escape, links
//! are made by one function, exports defuse formulas.

pub mod access;
mod api;
mod app;
mod assets;
mod clock;
mod data;
mod draw;
pub mod glance;
mod host;
mod pages;
mod server;
mod view;

pub use host::{Host, HostError, Order, SignIn};
pub use server::{Console, Options, Peer, ServeError, Stamp, Tls, TlsError, TlsFiles, url};
