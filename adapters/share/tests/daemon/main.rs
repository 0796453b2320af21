//! The daemon and its clients, over real sockets.
#![cfg(unix)]

mod hostile;
mod reload;
mod requests;
mod streams;
mod support;
