//! What a check of `ringshard doctor` has found.

use serde::Serialize;

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to do.
    Ok,
    /// The server or gateway runs, but not as well as it could.
    Warn,
    /// It cannot run, or serves nobody.
    Fail,
}

/// What one check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// Its result.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// The command or setting that fixes it; empty if there is nothing to do.
    pub fix: String,
    /// Whether `tune-host.sh` fixes it.
    pub tune_host: bool,
}

impl Finding {
    /// Nothing is to be done.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Finding { check, verdict: Verdict::Ok, found: found.into(), fix: String::new(), tune_host: false }
    }

    /// Something is not as good as it could be.
    pub fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { check, verdict: Verdict::Warn, found: found.into(), fix: fix.into(), tune_host: false }
    }

    /// Something must be fixed first.
    ///
    /// # Panics
    /// If `fix` is empty.
    pub fn fail(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        let finding = Self::warn(check, found, fix);
        assert!(!finding.fix.is_empty(), "{check}: a failed check says how to fix it");
        Finding { verdict: Verdict::Fail, ..finding }
    }

    /// A finding that `tune-host.sh` also fixes.
    #[must_use]
    pub fn tuned(self) -> Self {
        Finding { tune_host: true, ..self }
    }
}
