//! What the processor can do, asked once and without the standard library.
//!
//! A function with several back ends asks [`has`] and then calls one of them: one relaxed load and
//! a branch that is always predicted, which costs no more than a call through a pointer.

use core::sync::atomic::{AtomicU32, Ordering};

/// A set of instruction sets, each counted only if the operating system keeps its registers too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Features(u32);

impl Features {
    /// Nothing but what every processor of the architecture has.
    pub const NONE: Self = Self(0);
    /// x86-64: SSSE3 and SSE4.1.
    pub const SSE41: Self = Self(1 << 0);
    /// x86-64: AVX2.
    pub const AVX2: Self = Self(1 << 1);
    /// x86-64: AVX-512 F, BW, DQ and VL.
    pub const AVX512: Self = Self(1 << 2);
    /// x86-64: the SHA instructions.
    pub const SHA_NI: Self = Self(1 << 3);
    /// AArch64: NEON.
    pub const NEON: Self = Self(1 << 4);
    /// AArch64: the SHA-1 and SHA-256 instructions.
    pub const ARM_SHA2: Self = Self(1 << 5);
    /// x86-64: AES-NI and SSE4.1.
    pub const AES_NI: Self = Self(1 << 6);
    /// x86-64: the AES instructions on AVX registers, and AVX2.
    pub const VAES: Self = Self(1 << 7);
    /// x86-64: AVX-512 VBMI.
    pub const AVX512_VBMI: Self = Self(1 << 8);
    /// AArch64: the AES instructions.
    pub const ARM_AES: Self = Self(1 << 9);
    /// x86-64: BMI2.
    pub const BMI2: Self = Self(1 << 10);
    /// x86-64: [`AVX512`](Self::AVX512), and carry-less multiplication in its vectors.
    pub const VPCLMULQDQ: Self = Self(1 << 11 | 1 << 2);
    /// x86-64: SSE4.2.
    pub const SSE42: Self = Self(1 << 12);
    /// All of them.
    pub const ALL: Self = Self((1 << 13) - 1);

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn only_if(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }
}

/// What the compiler may assume, so that no question is left at run time.
const COMPILED: Features = Features::NONE
    .with(Features::SSE41.only_if(cfg!(target_feature = "sse4.1")))
    .with(Features::SSE42.only_if(cfg!(target_feature = "sse4.2")))
    .with(Features::AVX2.only_if(cfg!(target_feature = "avx2")))
    .with(Features::AVX512.only_if(cfg!(all(
        target_feature = "avx512f",
        target_feature = "avx512bw",
        target_feature = "avx512dq",
        target_feature = "avx512vl"
    ))))
    .with(Features::SHA_NI.only_if(cfg!(all(target_feature = "sha", target_feature = "sse4.1"))))
    .with(Features::AES_NI.only_if(cfg!(all(target_feature = "aes", target_feature = "sse4.1"))))
    .with(Features::VAES.only_if(cfg!(all(target_feature = "vaes", target_feature = "avx2"))))
    .with(Features::AVX512_VBMI.only_if(cfg!(target_feature = "avx512vbmi")))
    .with(Features::BMI2.only_if(cfg!(target_feature = "bmi2")))
    .with(Features::ARM_AES.only_if(cfg!(all(target_arch = "aarch64", target_feature = "aes"))))
    .with(Features::NEON.only_if(cfg!(all(target_arch = "aarch64", target_feature = "neon"))))
    .with(Features::ARM_SHA2.only_if(cfg!(all(target_arch = "aarch64", target_feature = "sha2"))));

/// Set in [`FOUND`] once the processor was asked.
const ASKED: u32 = 1 << 31;

/// What was found, less what [`limit`] took away. Threads that ask at the same time store the same.
static FOUND: AtomicU32 = AtomicU32::new(0);

/// Whether the processor has all of `wanted`.
#[allow(dead_code, reason = "some targets have no back ends to choose from")]
#[inline]
pub(crate) fn has(wanted: Features) -> bool {
    COMPILED.contains(wanted) || found().contains(wanted)
}

#[allow(dead_code, reason = "some targets have no back ends to choose from")]
#[inline]
fn found() -> Features {
    let found = FOUND.load(Ordering::Relaxed);
    if found & ASKED == 0 { ask(Features::ALL) } else { Features(found) }
}

/// For tests: from now on, all threads use no more than `features`, so that every back end that the
/// machine has can be run. What the compiler was told to assume stays.
pub fn limit(features: Features) {
    ask(features);
}

#[cold]
fn ask(limit: Features) -> Features {
    let found = detect().with(COMPILED).and(limit);
    FOUND.store(found.0 | ASKED, Ordering::Relaxed);
    found
}

/// Asks CPUID, and XGETBV for what the operating system keeps (Intel SDM volume 1, sections 13.2,
/// 14.3 and 15.2). An SGX enclave may execute neither; a target without SSE2 is a kernel, which
/// must leave vector registers alone.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(target_env = "sgx"), not(miri)))]
fn detect() -> Features {
    use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    /// Safe to call where CPUID says that XGETBV exists and is enabled.
    #[target_feature(enable = "xsave")]
    fn kept_registers() -> u64 {
        // SAFETY: register 0 always exists.
        unsafe { _xgetbv(0) }
    }

    let bit = |register: u32, bit: u32| register >> bit & 1 == 1;
    let leaf_1 = __cpuid(1);
    let (leaf_7, leaf_7_ecx) = if __cpuid(0).eax >= 7 {
        let leaf = __cpuid_count(7, 0);
        (leaf.ebx, leaf.ecx)
    } else {
        (0, 0)
    };
    let registers = if bit(leaf_1.ecx, 27) {
        // SAFETY: bit 27 (OSXSAVE) says that the system has enabled XGETBV.
        unsafe { kept_registers() }
    } else {
        0
    };
    let (ymm_kept, zmm_kept) = (registers & 0x06 == 0x06, registers & 0xe6 == 0xe6);
    let sse41 = bit(leaf_1.ecx, 9) && bit(leaf_1.ecx, 19);
    let avx2 = ymm_kept && bit(leaf_1.ecx, 28) && bit(leaf_7, 5);
    let avx512 = zmm_kept && avx2 && [16, 17, 30, 31].into_iter().all(|at| bit(leaf_7, at));
    Features::NONE
        .with(Features::SSE41.only_if(sse41))
        .with(Features::SSE42.only_if(bit(leaf_1.ecx, 20)))
        .with(Features::AVX2.only_if(avx2))
        .with(Features::AVX512.only_if(avx512))
        .with(Features::SHA_NI.only_if(sse41 && bit(leaf_7, 29)))
        .with(Features::AES_NI.only_if(sse41 && bit(leaf_1.ecx, 25)))
        .with(Features::BMI2.only_if(bit(leaf_7, 8)))
        .with(Features::VAES.only_if(avx2 && bit(leaf_7_ecx, 9)))
        .with(Features::AVX512_VBMI.only_if(avx512 && bit(leaf_7_ecx, 1)))
        .with(Features::VPCLMULQDQ.only_if(avx512 && bit(leaf_1.ecx, 1) && bit(leaf_7_ecx, 10)))
}

/// The standard library asks the operating system; without it, what the compiler assumes must do.
#[cfg(all(target_arch = "aarch64", feature = "std", not(miri)))]
fn detect() -> Features {
    extern crate std;
    Features::NONE
        .with(Features::NEON.only_if(std::arch::is_aarch64_feature_detected!("neon")))
        .with(Features::ARM_SHA2.only_if(std::arch::is_aarch64_feature_detected!("sha2")))
        .with(Features::ARM_AES.only_if(std::arch::is_aarch64_feature_detected!("aes")))
}

#[cfg(not(any(
    all(target_arch = "x86_64", target_feature = "sse2", not(target_env = "sgx"), not(miri)),
    all(target_arch = "aarch64", feature = "std", not(miri))
)))]
fn detect() -> Features {
    Features::NONE
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn what_is_found_is_what_the_standard_library_finds() {
        let found = detect();
        let same = |feature, std| assert_eq!(found.contains(feature), std, "{feature:?}");
        same(
            Features::SSE41,
            std::is_x86_feature_detected!("ssse3") && std::is_x86_feature_detected!("sse4.1"),
        );
        same(Features::SSE42, std::is_x86_feature_detected!("sse4.2"));
        same(Features::AVX2, std::is_x86_feature_detected!("avx2"));
        same(
            Features::AVX512,
            std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512dq")
                && std::is_x86_feature_detected!("avx512vl"),
        );
        same(Features::SHA_NI, std::is_x86_feature_detected!("sha"));
        same(Features::AES_NI, std::is_x86_feature_detected!("aes"));
        same(Features::VAES, std::is_x86_feature_detected!("vaes"));
        same(Features::BMI2, std::is_x86_feature_detected!("bmi2"));
        same(Features::AVX512_VBMI, std::is_x86_feature_detected!("avx512vbmi"));
        same(
            Features::VPCLMULQDQ,
            std::is_x86_feature_detected!("vpclmulqdq") && std::is_x86_feature_detected!("avx512f"),
        );
    }

    #[test]
    fn sets_contain_their_parts() {
        let both = Features::AVX2.with(Features::SHA_NI);
        assert!(both.contains(Features::AVX2) && Features::ALL.contains(both));
        assert!(!Features::AVX2.contains(both));
        assert_eq!(both.and(Features::AVX2.with(Features::NEON)), Features::AVX2);
    }
}
