//! Points in time as people write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use crate::error::Error;

/// Reads a point in time: how long ago (`2d`, `2 days`, `1h 30min`, `PT5M`), a date with or without
/// a time of the local time zone (`2026-03-01`, `2026-03-01 12:00:00`), a time with its zone
/// (`2026-03-01T12:00:00Z`), or seconds since 1970 (`@1767225600`).
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use treenail_glob::parse_time;
///
/// let ago = SystemTime::now().duration_since(parse_time("90min")?).unwrap();
/// assert!(ago >= Duration::from_secs(5400) && ago < Duration::from_secs(5460));
/// # Ok::<(), treenail_glob::Error>(())
/// ```
///
/// # Errors
/// It is none of these, or a time that cannot be told.
pub fn parse_time(text: &str) -> Result<SystemTime, Error> {
    let text = text.trim();
    parse(text).ok_or_else(|| {
        let reason = "no time; write `2d`, `2026-03-01`, `2026-03-01 12:00:00` or `@1767225600`";
        Error::pattern(text.as_bytes(), None, reason)
    })
}

fn parse(text: &str) -> Option<SystemTime> {
    if let Some(seconds) = text.strip_prefix('@') {
        return UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?));
    }
    if let Ok(span) = text.parse::<Span>() {
        return Some(Zoned::now().checked_sub(span).ok()?.into());
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.into());
    }
    let local: DateTime = text.parse().ok()?;
    Some(TimeZone::system().to_ambiguous_zoned(local).later().ok()?.into())
}

/// A time in nanoseconds since 1970 as RFC 3339 writes it, in UTC; none where it cannot be told.
#[must_use]
pub fn rfc3339(time_ns: i64) -> Option<String> {
    Timestamp::from_nanosecond(time_ns.into()).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> u64 {
        parse_time(text).expect(text).duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(seconds("@1767225600"), 1_767_225_600);
        assert_eq!(seconds("2026-01-01T00:00:00Z"), 1_767_225_600);
        assert_eq!(seconds("2026-01-01T01:00:00+01:00"), 1_767_225_600);
        assert_eq!(seconds("2026-01-02") - seconds("2026-01-01 00:00:00"), 86_400);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        for (text, ago) in [("2weeks", 1_209_600), ("2 days", 172_800), ("1h 30min", 5_400)] {
            assert!((now - ago).abs_diff(seconds(text)) <= 7_200, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "soon", "12", "@x", "2026-13-01", "@99999999999999999999"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_told_in_utc() {
        assert_eq!(rfc3339(1_767_225_600_500_000_000).as_deref(), Some("2026-01-01T00:00:00.5Z"));
        assert_eq!(rfc3339(-1_000_000_000).as_deref(), Some("1969-12-31T23:59:59Z"));
    }
}
