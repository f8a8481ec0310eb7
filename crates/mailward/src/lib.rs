//! The program: configuration, wiring, processes, command line.
//!
//! Everything that decides is in the pure crates; this one passes values between them and the
//! outside. It is a library so that tests and fuzz targets reach its parts.

#[macro_use]
pub mod print;

pub mod answer;
pub mod cli;
pub mod config;
#[cfg(feature = "console")]
pub mod console;
pub mod control;
pub mod core;
pub mod demo;
pub mod failure;
pub mod gather;
pub mod guard;
pub mod input;
pub mod json;
pub mod lately;
pub mod link;
pub mod listing;
pub mod notify;
pub mod orders;
pub mod recover;
mod repeats;
pub mod replay;
pub mod screen;
pub mod seed;
pub mod story;
pub mod subject;
pub mod summary;
pub mod supervise;
pub mod terminal;
pub mod understand;
pub mod unit;
pub mod web;
