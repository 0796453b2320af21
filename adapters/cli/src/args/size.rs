//! Sizes of files on the command line, as fd has them.

use std::ops::RangeInclusive;

/// A range of sizes in bytes: a sign, a number and a unit.
pub(crate) fn size(text: &str) -> Result<RangeInclusive<u64>, &'static str> {
    read(text).ok_or("write a size as `+10k`, `-2mi` or `0b`")
}

fn read(text: &str) -> Option<RangeInclusive<u64>> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (Some(b'+'), &text[1..]),
        b'-' => (Some(b'-'), &text[1..]),
        _ => (None, text),
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = rest[..digits].parse().ok()?;
    let unit: u64 = match rest[digits..].to_ascii_lowercase().as_str() {
        "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ => return None,
    };
    let bytes = number.checked_mul(unit)?;
    Some(match sign {
        Some(b'+') => bytes..=u64::MAX,
        Some(_) => 0..=bytes,
        None => bytes..=bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn sizes_have_a_sign_and_a_unit() {
        assert_eq!(read("+10k"), Some(10_000..=u64::MAX));
        assert_eq!(read("-2Mi"), Some(0..=2 << 20));
        assert_eq!(read("0b"), Some(0..=0));
        for text in ["", "+", "10", "k", "1x", "-1.5k", "99999999999t"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
