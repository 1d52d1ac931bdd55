//! Ciphers, key exchange, signatures and hashes of DTLS, each one call of ring.

use dimpl::crypto::{
    Aad, ActiveKeyExchange, Buf, Cipher, CryptoProvider, Dtls12CipherSuite, Dtls13CipherSuite, HashAlgorithm,
    HashContext, HashProvider, HmacProvider, KeyProvider, NamedGroup, Nonce, SecureRandom, SignatureAlgorithm,
    SignatureVerifier, SigningKey, SupportedDtls12CipherSuite, SupportedDtls13CipherSuite, SupportedKxGroup, TmpBuf,
};
use dimpl::{CryptoError, CryptoOperation};
use ring::aead::{self, LessSafeKey, UnboundKey, quic};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use ring::{digest, hmac};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use std::fmt;

/// The suites that all browsers have: ECDHE with X25519 or P-256, ECDSA with P-256, AES-128-GCM or ChaCha20-Poly1305.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: &[&Group::X25519, &Group::P256],
        signature_verification: &Certificates,
        key_provider: &Certificates,
        secure_random: &Random,
        hash_provider: &Hashes,
        hmac_provider: &Hashes,
        cipher_suites: &[&Suite::Aes128Gcm, &Suite::ChaCha20Poly1305],
        // dimpl wants one, but the gateway speaks DTLS 1.2 alone: ring has no AES of single blocks, which version 1.3 needs.
        dtls13_cipher_suites: &[&Suite::ChaCha20Poly1305],
    }
}

const TAG_BYTES: usize = 16;

fn failed(operation: CryptoOperation) -> CryptoError {
    CryptoError::OperationFailed(operation)
}

#[derive(Debug, Clone, Copy)]
enum Suite {
    Aes128Gcm,
    ChaCha20Poly1305,
}

impl Suite {
    fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }

    fn cipher(self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let key = UnboundKey::new(self.algorithm(), key).map_err(|_| failed(CryptoOperation::CreateCipher))?;
        Ok(Box::new(Sealing { key: LessSafeKey::new(key) }))
    }
}

impl SupportedDtls12CipherSuite for Suite {
    fn suite(&self) -> Dtls12CipherSuite {
        match self {
            Self::Aes128Gcm => Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
            Self::ChaCha20Poly1305 => Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
        }
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    /// Bytes of the key of a MAC, of the cipher, and of the fixed part of a nonce.
    fn key_lengths(&self) -> (usize, usize, usize) {
        match self {
            Self::Aes128Gcm => (0, 16, 4),
            Self::ChaCha20Poly1305 => (0, 32, 12),
        }
    }

    fn explicit_nonce_len(&self) -> usize {
        match self {
            Self::Aes128Gcm => 8,
            Self::ChaCha20Poly1305 => 0,
        }
    }

    fn tag_len(&self) -> usize {
        TAG_BYTES
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        self.cipher(key)
    }
}

impl SupportedDtls13CipherSuite for Suite {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::CHACHA20_POLY1305_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        self.algorithm().key_len()
    }

    fn iv_len(&self) -> usize {
        aead::NONCE_LEN
    }

    fn tag_len(&self) -> usize {
        TAG_BYTES
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        self.cipher(key)
    }

    fn encrypt_sn(&self, key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let key = quic::HeaderProtectionKey::new(&quic::CHACHA20, key).expect("the key has the suite's length");
        let mut mask = [0; 16];
        mask[..5].copy_from_slice(&key.new_mask(sample).expect("the sample has 16 bytes"));
        mask
    }
}

struct Sealing {
    key: LessSafeKey,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealing")
    }
}

impl Cipher for Sealing {
    fn encrypt(&mut self, plaintext: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| CryptoError::InvalidNonce)?;
        self.key
            .seal_in_place_append_tag(nonce, aead::Aad::from(&aad[..]), plaintext)
            .map_err(|_| failed(CryptoOperation::Encrypt))
    }

    fn decrypt(&mut self, ciphertext: &mut TmpBuf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| CryptoError::InvalidNonce)?;
        let plaintext = self
            .key
            .open_in_place(nonce, aead::Aad::from(&aad[..]), ciphertext.as_mut())
            .map_err(|_| failed(CryptoOperation::Decrypt))?
            .len();
        ciphertext.truncate(plaintext);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Group {
    X25519,
    P256,
}

impl Group {
    fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::X25519 => &agreement::X25519,
            Self::P256 => &agreement::ECDH_P256,
        }
    }
}

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        match self {
            Self::X25519 => NamedGroup::X25519,
            Self::P256 => NamedGroup::Secp256r1,
        }
    }

    fn start_exchange(&self, mut buffer: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let private = EphemeralPrivateKey::generate(self.algorithm(), &SystemRandom::new())
            .map_err(|_| failed(CryptoOperation::GenerateEphemeralKey))?;
        let public = private.compute_public_key().map_err(|_| failed(CryptoOperation::ComputePublicKey))?;
        buffer.clear();
        buffer.extend_from_slice(public.as_ref());
        Ok(Box::new(Exchange { group: *self, private, public: buffer }))
    }
}

struct Exchange {
    group: Group,
    private: EphemeralPrivateKey,
    public: Buf,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Exchange({:?})", self.group)
    }
}

impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let group = self.group();
        let peer = UnparsedPublicKey::new(self.group.algorithm(), peer);
        agreement::agree_ephemeral(self.private, &peer, |secret| {
            out.clear();
            out.extend_from_slice(secret);
        })
        .map_err(|_| CryptoError::InvalidPublicKey(group))
    }

    fn group(&self) -> NamedGroup {
        self.group.name()
    }
}

#[derive(Debug)]
struct Random;

impl SecureRandom for Random {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError> {
        SystemRandom::new().fill(buffer).map_err(|_| failed(CryptoOperation::FillRandom))
    }
}

#[derive(Debug)]
struct Hashes;

impl HashProvider for Hashes {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let algorithm = match algorithm {
            HashAlgorithm::SHA384 => &digest::SHA384,
            _ => &digest::SHA256,
        };
        Box::new(Hash { context: digest::Context::new(algorithm) })
    }
}

impl HmacProvider for Hashes {
    fn hmac(&self, hash: HashAlgorithm, key: &[u8], data: &[u8], out: &mut [u8]) -> Result<usize, CryptoError> {
        let algorithm = match hash {
            HashAlgorithm::SHA256 => hmac::HMAC_SHA256,
            HashAlgorithm::SHA384 => hmac::HMAC_SHA384,
            other => return Err(CryptoError::UnsupportedHmacHash(other)),
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), data);
        out[..tag.as_ref().len()].copy_from_slice(tag.as_ref());
        Ok(tag.as_ref().len())
    }
}

struct Hash {
    context: digest::Context,
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hash")
    }
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.context.update(data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.context.clone().finish().as_ref());
    }
}

/// The peer's certificate and one's own. Nobody has signed them but their owner: the SDP carries the peer's fingerprint.
#[derive(Debug)]
struct Certificates;

impl KeyProvider for Certificates {
    fn load_private_key(&self, key: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key, &SystemRandom::new());
        Ok(Box::new(Key { key: key.map_err(|_| CryptoError::InvalidPrivateKey)? }))
    }
}

impl SignatureVerifier for Certificates {
    fn verify_signature(
        &self,
        certificate: &[u8],
        data: &[u8],
        signature: &[u8],
        hash: HashAlgorithm,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        if algorithm != SignatureAlgorithm::ECDSA {
            return Err(CryptoError::UnsupportedSignatureAlgorithm(algorithm));
        }
        let candidates: [&dyn SignatureVerificationAlgorithm; 2] = match hash {
            HashAlgorithm::SHA256 => [webpki::ring::ECDSA_P256_SHA256, webpki::ring::ECDSA_P384_SHA256],
            HashAlgorithm::SHA384 => [webpki::ring::ECDSA_P256_SHA384, webpki::ring::ECDSA_P384_SHA384],
            _ => return Err(CryptoError::UnsupportedSignatureAlgorithm(algorithm)),
        };
        let certificate = CertificateDer::from(certificate);
        let certificate =
            webpki::EndEntityCert::try_from(&certificate).map_err(|_| CryptoError::CertificateParseFailed)?;
        let valid =
            candidates.iter().any(|candidate| certificate.verify_signature(*candidate, data, signature).is_ok());
        if valid { Ok(()) } else { Err(CryptoError::InvalidSignatureFormat) }
    }
}

struct Key {
    key: EcdsaKeyPair,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::SigningKeyHashMismatch { key_hash: HashAlgorithm::SHA256, requested: hash });
        }
        let signature = self.key.sign(&SystemRandom::new(), data).map_err(|_| failed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(signature.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}
