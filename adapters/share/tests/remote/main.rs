//! A daemon and its clients on other machines: through the network, over TLS.

mod changes;
#[path = "../daemon/support.rs"]
#[allow(dead_code, reason = "the local client needs more of it")]
mod daemon;
mod refused;
mod reload;
mod secrets;
mod support;
