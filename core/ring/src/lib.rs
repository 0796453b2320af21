//! Single-producer single-consumer rings over memory that the caller owns; `no_std`, no alloc.
//!
//! One thread or process puts in, another takes out, neither locks nor waits. Where the memory
//! comes from and how a side learns that there is something to do is the caller's business.
//!
//! ```
//! use core::mem::MaybeUninit;
//! use treenail_ring::spsc::{Control, Ring};
//!
//! let (mut control, mut slots) = (Control::new(), [const { MaybeUninit::uninit() }; 100]);
//! let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
//! std::thread::scope(|scope| {
//!     scope.spawn(move || {
//!         for n in 0..1000_u64 {
//!             while producer.push(n).is_err() {
//!                 std::thread::yield_now();
//!             }
//!         }
//!     });
//!     let mut sum = 0;
//!     while !(consumer.is_abandoned() && consumer.is_empty()) {
//!         sum += consumer.pop().unwrap_or_default();
//!     }
//!     assert_eq!(sum, 499_500);
//! });
//! ```
//!
//! - [`spsc`]: items of any type, one by one, in slices, or in place.
//! - [`bytes`]: frames of bytes of any length, in place.
//! - [`shared`]: the same between processes that need not trust each other; on targets with 64-bit
//!   atomics.
#![no_std]

#[cfg(loom)]
extern crate std;

pub mod bytes;
mod frame;
mod primitive;
#[cfg(target_has_atomic = "64")]
pub mod shared;
pub mod spsc;

/// The README's example, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
