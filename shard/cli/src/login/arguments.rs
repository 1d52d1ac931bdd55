//! The part of a command line that says who logs in where.

use crate::failure::Failure;
use std::path::PathBuf;

/// How a client enters the world: with a ticket, or with a login that gets one. With neither, it is a guest.
#[derive(clap::Args)]
pub struct EntryArguments {
    /// The ticket to enter with: base64url, as POST /v1/ticket answers it, or @FILE. It is good once, for 30 s.
    #[arg(long, value_name = "TICKET|@FILE", conflicts_with = "login")]
    pub ticket: Option<String>,
    /// Get a ticket from this login door, with --email or a token.
    #[arg(long, value_name = "URL")]
    pub login: Option<String>,
}

/// Who logs in, and how the login door is known.
#[derive(clap::Args)]
#[command(next_help_heading = "Login (https)")]
pub struct LoginArguments {
    /// Token of a session. Other users of this host can see it: better use --token-file.
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["token_file", "email"])]
    pub token: Option<String>,
    /// File with the token of a session.
    #[arg(long, value_name = "FILE", conflicts_with = "email")]
    pub token_file: Option<PathBuf>,
    /// Log in with this email, and out at the end. The password comes from RINGSHARD_PASSWORD, or is asked for.
    #[arg(long, value_name = "EMAIL")]
    pub email: Option<String>,
    /// SHA-256 of the login door's certificate in hexadecimal digits, as the server logs it. No other certificate is trusted.
    #[arg(long, value_name = "HEX", conflicts_with = "certificate", value_parser = fingerprint)]
    pub fingerprint: Option<[u8; 32]>,
    /// PEM file with certificates to trust, instead of those of this host.
    #[arg(long, value_name = "PEM")]
    pub certificate: Option<PathBuf>,
}

impl EntryArguments {
    /// Checks that the options of a login have one.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn check(&self, login: &LoginArguments) -> Result<(), Failure> {
        let LoginArguments { token, token_file, email, fingerprint, certificate } = login;
        let is_given = token.is_some() || token_file.is_some() || email.is_some();
        if self.login.is_some() || !(is_given || fingerprint.is_some() || certificate.is_some()) {
            return Ok(());
        }
        Err(Failure::Usage("the options of a login need --login URL, which gets a ticket with them".into()))
    }
}

/// Reads 64 hexadecimal digits, with or without colons between bytes.
fn fingerprint(text: &str) -> Result<[u8; 32], String> {
    let digits: String = text.chars().filter(|it| *it != ':').collect();
    let bytes = ringshard_services::resources::PublicKey::from_hex(&digits.to_ascii_lowercase());
    bytes.map(|key| key.0).ok_or_else(|| "a fingerprint has 64 hexadecimal digits: the server logs it".into())
}
