//! Ascending numbers as Rice codes of the gaps between them.
//!
//! A gap is divided by a power of two: the quotient in unary, ones and a zero behind them, then the
//! remainder's bits, the lowest first. The power follows from how many numbers there are below
//! which bound, so that it need not be stored, and dense lists take two bits a number or less.

/// How many bits a remainder has.
fn remainder_bits(count: u32, bound: u32) -> u32 {
    // The mean gap, times the logarithm of 2: what is best for gaps that nothing is known of.
    let gap = u64::from(bound) * 69 / (u64::from(count.max(1)) * 100);
    gap.max(1).ilog2()
}

/// Appends the codes of ascending numbers below `bound`, up to a whole byte.
pub(super) fn encode(numbers: &[u32], bound: u32, out: &mut Vec<u8>) {
    let bits = remainder_bits(numbers.len() as u32, bound);
    let mut writer = BitWriter { out, bits: 0, filled: 0 };
    let mut next = 0;
    for &number in numbers {
        debug_assert!(number >= next && number < bound, "ascending, and below the bound");
        let gap = number - next;
        writer.ones(gap >> bits);
        writer.put(u64::from(gap & ((1 << bits) - 1)) << 1, bits + 1);
        next = number + 1;
    }
    writer.finish();
}

/// Hands over so many numbers below `bound`. Nothing if the bytes are not exactly their codes; some
/// have then been handed over.
pub(super) fn decode(
    bytes: &[u8],
    count: u32,
    bound: u32,
    mut each: impl FnMut(u32),
) -> Option<()> {
    let bits = remainder_bits(count, bound);
    let mut reader = BitReader { bytes, at: 0 };
    let mut next = 0_u32;
    for _ in 0..count {
        let quotient = reader.ones(bound >> bits)?;
        let gap = quotient << bits | reader.take(bits)?;
        let number = next.checked_add(gap).filter(|number| *number < bound)?;
        each(number);
        next = number + 1;
    }
    (reader.at.div_ceil(8) == bytes.len()).then_some(())
}

struct BitWriter<'o> {
    out: &'o mut Vec<u8>,
    bits: u64,
    filled: u32,
}

impl BitWriter<'_> {
    /// Puts the lowest bits, at most 32 of them.
    fn put(&mut self, value: u64, bits: u32) {
        self.bits |= value << self.filled;
        self.filled += bits;
        while self.filled >= 8 {
            self.out.push(self.bits as u8);
            self.bits >>= 8;
            self.filled -= 8;
        }
    }

    fn ones(&mut self, mut count: u32) {
        while count > 0 {
            let some = count.min(32);
            self.put((1 << some) - 1, some);
            count -= some;
        }
    }

    fn finish(self) {
        if self.filled > 0 {
            self.out.push(self.bits as u8);
        }
    }
}

struct BitReader<'b> {
    bytes: &'b [u8],
    /// How many bits have been read.
    at: usize,
}

impl BitReader<'_> {
    /// The bits to come, at least 57 of them; zeros behind the end.
    fn peek(&self) -> u64 {
        let rest = &self.bytes[(self.at / 8).min(self.bytes.len())..];
        let word = match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        word >> (self.at % 8)
    }

    /// Reads ones, at most so many, and the zero behind them.
    fn ones(&mut self, max: u32) -> Option<u32> {
        let mut count = 0;
        loop {
            let some = self.peek().trailing_ones().min(56);
            count += some;
            self.at += some as usize;
            if count > max {
                return None;
            }
            if some < 56 {
                self.at += 1;
                return (self.at <= self.bytes.len() * 8).then_some(count);
            }
        }
    }

    fn take(&mut self, bits: u32) -> Option<u32> {
        let value = self.peek() & ((1 << bits) - 1);
        self.at += bits as usize;
        (self.at <= self.bytes.len() * 8).then_some(value as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8], count: u32, bound: u32) -> Option<Vec<u32>> {
        let mut numbers = Vec::new();
        decode(bytes, count, bound, |number| numbers.push(number)).map(|()| numbers)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_and_nothing_shorter_is(
            numbers in prop::collection::btree_set(0_u32..5_000, 1..300),
            more in 0_u32..100_000,
        ) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let (count, bound) = (numbers.len() as u32, numbers[numbers.len() - 1] + 1 + more);
            let mut bytes = Vec::new();
            encode(&numbers, bound, &mut bytes);
            prop_assert_eq!(decoded(&bytes, count, bound), Some(numbers));
            prop_assert_eq!(decoded(&bytes[..bytes.len() - 1], count, bound), None);
            bytes.push(0);
            prop_assert_eq!(decoded(&bytes, count, bound), None);
        }

        #[test]
        fn any_bytes_decode_to_ascending_numbers_below_the_bound_or_to_nothing(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            count in 0_u32..400,
            bound in prop_oneof![0_u32..400, any::<u32>()],
        ) {
            if let Some(numbers) = decoded(&bytes, count, bound) {
                prop_assert!(numbers.is_sorted_by(|a, b| a < b));
                prop_assert!(numbers.iter().all(|number| *number < bound));
            }
        }
    }

    #[test]
    fn a_list_of_everything_takes_a_bit_or_two_a_number() {
        let all: Vec<u32> = (0..8_000).collect();
        let mut bytes = Vec::new();
        encode(&all, 8_000, &mut bytes);
        assert!(bytes.len() <= 2_000, "{}", bytes.len());
    }
}
