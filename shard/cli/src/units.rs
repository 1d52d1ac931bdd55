//! Numbers with units, in three digits; and addresses.

use std::net::SocketAddr;

/// A rate per second.
pub fn count(value: f64) -> String {
    scaled(value, 1000.0, ["", "k", "M", "G", "T"])
}

/// A whole number, as short as a rate.
pub fn short_count(value: u64) -> String {
    if value < 1_000 { value.to_string() } else { count(value as f64) }
}

/// Bytes, or bytes per second.
pub fn bytes(value: f64) -> String {
    scaled(value, 1024.0, [" B", " KiB", " MiB", " GiB", " TiB"])
}

fn scaled(value: f64, step: f64, units: [&str; 5]) -> String {
    let (mut value, mut power) = (value, 0);
    // What would be rounded to 1000 is 1 of the next unit.
    while value >= 999.5 && power + 1 < units.len() {
        value /= step;
        power += 1;
    }
    let digits = match value {
        // Decimals matter only in small rates.
        _ if value == 0.0 => 0,
        value if value >= 99.95 || (power == 0 && value >= 9.95) => 0,
        value if value >= 9.995 || power == 0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}{}", units[power])
}

/// A whole number with separated thousands.
pub fn whole(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds.
pub fn micros(value: f64) -> String {
    match value {
        value if value < 9.95 => format!("{value:.1} us"),
        value if value < 999.5 => format!("{value:.0} us"),
        value if value < 9_995.0 => format!("{:.2} ms", value / 1e3),
        value if value < 99_950.0 => format!("{:.1} ms", value / 1e3),
        value if value < 999_500.0 => format!("{:.0} ms", value / 1e3),
        value => format!("{:.2} s", value / 1e6),
    }
}

/// A duration in seconds.
pub fn age(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match whole {
        0..10 => format!("{:.1} s", seconds.max(0.0)),
        10..60 => format!("{whole} s"),
        60..3_600 => format!("{minutes}m {:02}s", whole % 60),
        3_600..86_400 => format!("{hours}h {minutes:02}m"),
        _ => format!("{days}d {hours:02}h"),
    }
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// An address. A socket for both families reports IPv4 addresses as IPv6; this shows them as IPv4.
pub fn address(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_and_never_show_a_thousand_of_a_unit() {
        let counts = [0.0, 0.4, 7.0, 9.97, 57.4, 999.4, 999.9, 9_994.0, 9_999.0, 61_234.0, 999_600.0, 2.5e9];
        let texts = ["0", "0.4", "7.0", "10", "57", "999", "1.00k", "9.99k", "10.0k", "61.2k", "1.00M", "2.50G"];
        for (value, text) in counts.into_iter().zip(texts) {
            assert_eq!(count(value), text);
        }
        assert_eq!((short_count(7), short_count(61_234)), ("7".into(), "61.2k".into()));
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(1023.0), "1.00 KiB");
        assert_eq!(bytes(3.5 * 1024.0 * 1024.0), "3.50 MiB");
        assert_eq!(
            (whole(0), whole(999), whole(1_000), whole(1_234_567)),
            ("0".into(), "999".into(), "1,000".into(), "1,234,567".into())
        );
    }

    #[test]
    fn times_choose_their_unit() {
        let texts = [3.24, 12.4, 999.6, 9_996.0, 99_960.0, 1_500_000.0].map(micros);
        assert_eq!(texts, ["3.2 us", "12 us", "1.00 ms", "10.0 ms", "100 ms", "1.50 s"]);
        let texts = [0.0, 9.94, 59.9, 61.0, 3_725.0, 90_000.0].map(age);
        assert_eq!(texts, ["0.0 s", "9.9 s", "59 s", "1m 01s", "1h 02m", "1d 01h"]);
        assert_eq!(percent(0.0345), "3.5%");
    }
}
