//! The program as people run it: the real binary, its files, its sockets, its signals.
//!
//! A guard here either has no right to change the kernel (`setpriv`), or a network namespace of
//! its own (`unshare`): the nftables of the host are never touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod administrators;
mod certificate;
mod clock;
mod command_line;
mod confined;
mod console;
mod control;
mod damaged;
mod hostile;
mod incidents;
mod killed;
mod observe;
mod rotation;
mod same;
mod session;
mod sources;
mod state_dir;
mod summary;
mod unreadable;
mod why;
mod world;
