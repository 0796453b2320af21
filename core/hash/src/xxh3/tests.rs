//! The portable code against the back ends that the machine has: the functions that dispatch never
//! choose it where there is something better.

extern crate std;
use std::vec::Vec;

use super::long::{Lanes, STRIPE_BYTES};
use super::{Secret, portable};

fn bytes(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Checks the back end in `$module` against the portable one.
macro_rules! equals_portable {
    ($module:ident) => {{
        let message = bytes(2200);
        let secret = bytes(333);
        for secret in [136, 140, 192, 333].map(|length| Secret::new(&secret[..length])) {
            let secret = secret.expect("long enough");
            for length in 241..message.len() {
                let message = &message[..length];
                // SAFETY: the caller has asked the processor, and the message is long enough.
                unsafe {
                    let expected = portable::hash_64(message, secret);
                    assert_eq!(super::$module::hash_64(message, secret), expected, "{length}");
                    let expected = portable::hash_128(message, secret);
                    assert_eq!(super::$module::hash_128(message, secret), expected, "{length}");
                }
            }
            for before in 0..super::long::block_stripes(secret.bytes()) {
                for stripes in 0..message.len() / STRIPE_BYTES {
                    let message = &message[..stripes * STRIPE_BYTES];
                    let last = message.last_chunk().unwrap_or(&[7; STRIPE_BYTES]);
                    let (mut lanes, mut expected) = (Lanes::INITIAL, Lanes::INITIAL);
                    // SAFETY: the caller has asked the processor; the stripes are whole.
                    unsafe {
                        assert_eq!(
                            super::$module::update(&mut lanes, before, message, secret),
                            portable::update(&mut expected, before, message, secret),
                        );
                        assert_eq!(lanes, expected, "{stripes} after {before}");
                        assert_eq!(
                            super::$module::finish_64(&lanes, last, 999, secret),
                            portable::finish_64(&expected, last, 999, secret),
                        );
                        assert_eq!(
                            super::$module::finish_128(&lanes, last, 999, secret),
                            portable::finish_128(&expected, last, 999, secret),
                        );
                    }
                }
            }
        }
    }};
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[test]
fn sse2_equals_portable() {
    equals_portable!(sse2);
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[test]
fn avx2_equals_portable() {
    if std::is_x86_feature_detected!("avx2") {
        equals_portable!(avx2);
    }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[test]
fn avx512_equals_portable() {
    if std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("avx512dq")
        && std::is_x86_feature_detected!("avx512vl")
    {
        equals_portable!(avx512);
    }
}

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
#[test]
fn neon_equals_portable() {
    if std::arch::is_aarch64_feature_detected!("neon") {
        equals_portable!(neon);
    }
}

/// On any machine: the portable code computes what xxHash does.
#[test]
fn portable_equals_xxhash() {
    let message: Vec<u8> = (0..2048).map(|i| (i % 251) as u8).collect();
    // SAFETY: it needs no instruction set, and the messages are long enough.
    let hash = |length| unsafe { portable::hash_64(&message[..length], Secret::DEFAULT) };
    assert_eq!(hash(241), 0x02e8_cd95_421c_6d02);
}
