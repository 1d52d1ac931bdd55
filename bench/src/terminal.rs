//! Progress bars, and reports and numbers as text.

use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::{self, Write as _};

pub fn bar(name: &str, step: &str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:40}] {percent:>3} % {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_prefix(format!("{name}: {step}"))
}

/// A report as text: lines with a name in front.
#[derive(Default)]
pub struct Page(String);

impl Page {
    /// Adds a line. A line without a name continues the one before.
    pub fn line(&mut self, name: &str, text: impl fmt::Display) {
        let _ = writeln!(self.0, "  {name:<12} {text}");
    }

    pub fn into_text(self) -> String {
        self.0
    }

    pub fn with_verdict(self, verdict: impl fmt::Display) -> String {
        format!("{}\nverdict: {verdict}\n", self.0)
    }
}

/// A whole number with thousands separators.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0.0, 999.0, 1000.0, 1_234_567.4].map(grouped).map(|s| s).each_ref().map(|s| s.as_str())
        );
    }
}
