//! CRCs by folding: 256 bytes at a time with carry-less multiplication.
//!
//! A message is a polynomial over GF(2), its first bit the highest power, and its CRC is what
//! remains of it after division by P. A piece that stands T bits before another may be replaced by
//! a shorter one over that other if both leave the same remainder: its product with x^T mod P. So
//! the message is folded onto its last 16 bytes, and only these are divided (Gopal et al., "Fast
//! CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009).

use core::arch::x86_64::*;

/// What one step takes in: four vectors.
pub(super) const STEP_BYTES: usize = 256;

/// A CRC's polynomial, and what folding multiplies with.
pub(super) struct Folding {
    by_2048: [u64; 2],
    by_512: [u64; 2],
    by_384: [u64; 2],
    by_256: [u64; 2],
    by_128: [u64; 2],
    /// x^96 for the first eight of the last bytes, and x^64 for what is then too long.
    last: [u64; 2],
    /// x^64 / P and P, both of 33 bits, the coefficient of x^32 in the lowest.
    quotient: u64,
    divisor: u64,
}

impl Folding {
    /// `polynomial` has the coefficient of x^31 in its lowest bit.
    pub(super) const fn new(polynomial: u32) -> Self {
        Self {
            by_2048: factors(polynomial, 2048),
            by_512: factors(polynomial, 512),
            by_384: factors(polynomial, 384),
            by_256: factors(polynomial, 256),
            by_128: factors(polynomial, 128),
            last: [factor(polynomial, 96), factor(polynomial, 64)],
            quotient: quotient(polynomial),
            divisor: (polynomial as u64) << 1 | 1,
        }
    }

    /// Takes in as many vectors of `bytes` as there are, after a register with the value `state`,
    /// and returns the register's new value, and the bytes that are left.
    ///
    /// # Panics
    /// If there is not even one step.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmulqdq,sse4.1")]
    pub(super) fn fold<'b>(&self, state: u32, bytes: &'b [u8]) -> (u32, &'b [u8]) {
        let (steps, rest) = bytes.as_chunks::<STEP_BYTES>();
        let (first, steps) = steps.split_first().expect("one step at least");
        let mut parts = load(first);
        // The register is added to the first four bytes, as the definition has it.
        let register = _mm512_zextsi128_si512(_mm_cvtsi32_si128(state.cast_signed()));
        parts[0] = _mm512_xor_si512(parts[0], register);
        let factors = broadcast(self.by_2048);
        for step in steps {
            for (part, next) in parts.iter_mut().zip(load(step)) {
                *part = fold_onto(*part, factors, next);
            }
        }
        let factors = broadcast(self.by_512);
        let [a, b, c, d] = parts;
        let mut part = fold_onto(fold_onto(fold_onto(a, factors, b), factors, c), factors, d);
        let (vectors, rest) = rest.as_chunks::<64>();
        for vector in vectors {
            part = fold_onto(part, factors, load_one(vector));
        }
        let quarter = |factors: [u64; 2], quarter: __m128i, next: __m128i| {
            let factors = _mm_set_epi64x(factors[1].cast_signed(), factors[0].cast_signed());
            let low = _mm_clmulepi64_si128::<0x00>(quarter, factors);
            let high = _mm_clmulepi64_si128::<0x11>(quarter, factors);
            _mm_xor_si128(next, _mm_xor_si128(low, high))
        };
        let mut last = _mm512_extracti32x4_epi32::<3>(part);
        last = quarter(self.by_128, _mm512_extracti32x4_epi32::<2>(part), last);
        last = quarter(self.by_256, _mm512_extracti32x4_epi32::<1>(part), last);
        last = quarter(self.by_384, _mm512_extracti32x4_epi32::<0>(part), last);
        (self.divide(last), rest)
    }

    /// What remains of these 16 bytes and 32 zero bits after division by P: both halves are brought
    /// to 64 bits, and those divided by way of their quotient (Barrett's reduction).
    #[inline]
    #[target_feature(enable = "pclmulqdq,sse4.1")]
    fn divide(&self, bytes: __m128i) -> u32 {
        let last = _mm_set_epi64x(self.last[1].cast_signed(), self.last[0].cast_signed());
        let high = _mm_clmulepi64_si128::<0x00>(bytes, last);
        let low = _mm_slli_si128::<4>(_mm_srli_si128::<8>(bytes));
        let bits_96 = _mm_xor_si128(high, low);
        let bits_64 = _mm_xor_si128(_mm_clmulepi64_si128::<0x10>(bits_96, last), bits_96);
        let bits_64 = _mm_srli_si128::<8>(bits_64);
        let by = _mm_set_epi64x(self.divisor.cast_signed(), self.quotient.cast_signed());
        let upper = _mm_cvtsi32_si128(_mm_cvtsi128_si32(bits_64));
        let quotient = _mm_clmulepi64_si128::<0x00>(upper, by);
        let quotient = _mm_cvtsi32_si128(_mm_cvtsi128_si32(quotient));
        let product = _mm_clmulepi64_si128::<0x10>(quotient, by);
        _mm_extract_epi32::<1>(_mm_xor_si128(product, bits_64)).cast_unsigned()
    }
}

/// What the two halves of 16 bytes are multiplied with, to move them by `bits`.
const fn factors(polynomial: u32, bits: u32) -> [u64; 2] {
    [factor(polynomial, bits + 64), factor(polynomial, bits)]
}

/// x^bits mod P as 64 bits, one power less since the product of two mirrored numbers comes out one
/// bit short.
const fn factor(polynomial: u32, bits: u32) -> u64 {
    (power(polynomial, bits - 1) as u64) << 32
}

/// x^64 / P by long division, mirrored.
const fn quotient(polynomial: u32) -> u64 {
    let divisor = 1 << 32 | polynomial.reverse_bits() as u128;
    let (mut left, mut quotient): (u128, u64) = (1 << 64, 0);
    let mut power = 33;
    while power > 0 {
        power -= 1;
        if left >> (power + 32) & 1 == 1 {
            left ^= divisor << power;
            quotient |= 1 << (32 - power);
        }
    }
    quotient
}

/// x^exponent mod P, the coefficient of x^31 in the lowest bit.
const fn power(polynomial: u32, exponent: u32) -> u32 {
    let mut value = 1 << 31;
    let mut left = exponent;
    while left > 0 {
        let carry = value & 1;
        value = (value >> 1) ^ (carry * polynomial);
        left -= 1;
    }
    value
}

#[inline]
#[target_feature(enable = "avx512f")]
fn broadcast(factors: [u64; 2]) -> __m512i {
    let [low, high] = factors.map(u64::cast_signed);
    _mm512_set_epi64(high, low, high, low, high, low, high, low)
}

#[inline]
#[target_feature(enable = "avx512f,vpclmulqdq")]
fn fold_onto(part: __m512i, factors: __m512i, next: __m512i) -> __m512i {
    let low = _mm512_clmulepi64_epi128::<0x00>(part, factors);
    let high = _mm512_clmulepi64_epi128::<0x11>(part, factors);
    _mm512_ternarylogic_epi64::<0x96>(low, high, next)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(step: &[u8; STEP_BYTES]) -> [__m512i; 4] {
    let (vectors, _) = step.as_chunks::<64>();
    [load_one(&vectors[0]), load_one(&vectors[1]), load_one(&vectors[2]), load_one(&vectors[3])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_one(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: an unaligned load of 64 bytes from as many.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}
