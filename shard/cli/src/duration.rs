//! Durations on the command line.

use jiff::SignedDuration;
use std::time::Duration;

/// Parses a duration such as `10s`, `250ms` or `5m`; a number alone is seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let plain = text.parse().ok().and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
    let time = plain.or_else(|| text.parse().ok());
    let time = time.and_then(|time| Duration::try_from(time).ok());
    time.ok_or_else(|| "use a time such as 10s, 250ms or 5m; a number alone is seconds".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_seconds() {
        for (text, millis) in [("10", 10_000), ("0.5", 500), ("10s", 10_000), ("250ms", 250), ("2m", 120_000), ("0", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "soon", "-1", "-1s", "nan", "inf", "1e30", "5 parsecs"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
