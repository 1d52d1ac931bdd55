"""The cryptography of the protocol: CRC32C, HKDF, Noise, traffic keys and the two ciphers.

X25519, ChaCha20-Poly1305 and AES-GCM come from the package `cryptography`. The rest is written here from
PROTOCOL.md#noise and PROTOCOL.md#keys.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

CHACHA = "chacha20-poly1305"
AES = "aes-128-gcm"


def _crc_table():
    polynomial = int(f"{0x1EDC6F41:032b}"[::-1], 2)
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def hkdf(secret, info, length):
    """HKDF-SHA256 of RFC 5869 with an empty salt."""
    key = hmac.digest(bytes(32), secret, "sha256")
    out, block = b"", b""
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


class KeyPair:
    def __init__(self, secret=None):
        self.secret = secret or os.urandom(32)
        self._private = X25519PrivateKey.from_private_bytes(self.secret)
        self.public = self._private.public_key().public_bytes_raw()

    def exchange(self, public):
        """The shared secret. Raises ValueError if it is all zeros."""
        return self._private.exchange(X25519PublicKey.from_public_bytes(public))


class Cipher:
    """One traffic key: one direction, one key phase."""

    def __init__(self, suite, key):
        self.suite, self.key = suite, key
        self._aead = ChaCha20Poly1305(key) if suite == CHACHA else AESGCM(key)

    def seal(self, header, plaintext):
        return header + self._aead.encrypt(self.nonce(header), plaintext, header)

    def open(self, datagram, header_bytes):
        """The plaintext, or None if the datagram is not authentic."""
        header = datagram[:header_bytes]
        try:
            return self._aead.decrypt(self.nonce(header), datagram[header_bytes:], header)
        except (InvalidTag, ValueError):
            return None

    @staticmethod
    def nonce(header):
        """The connection id, then the sequence, both as in the header."""
        return header[0:4] + header[6:14]


class Keys:
    """The split keys of a connection in one key phase, and the keys derived from them."""

    def __init__(self, labels, suite, split_client, split_server):
        self.labels, self.suite = labels, suite
        self.split_client, self.split_server = split_client, split_server
        info = labels["traffic"] + suite.encode()
        length = 32 if suite == CHACHA else 16
        self.client = Cipher(suite, hkdf(split_client, info, length))
        self.server = Cipher(suite, hkdf(split_server, info, length))

    def secrets(self, token_bytes):
        """The session's token, its resume secret, and the transcript for integrity answers."""
        both = self.split_client + self.split_server
        return (hkdf(both, self.labels["resume"], token_bytes), hkdf(both, self.labels["resume secret"], 32),
                hkdf(both, self.labels["integrity"], 32))

    def follow(self, secret, label):
        """The keys after a rekey or a resumption."""
        def next_split(split):
            return hkdf_salted(split, secret, self.labels[label], 32)
        return Keys(self.labels, self.suite, next_split(self.split_client), next_split(self.split_server))


def hkdf_salted(salt, secret, info, length):
    """HKDF-SHA256 with a salt, of at most one block."""
    assert length <= 32
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\x01", "sha256")[:length]


class Noise:
    """The NK handshake of either endpoint, with or without a pre-shared key."""

    def __init__(self, name, prologue, server_public, pre_shared_key=None):
        name = name.encode()
        self.hash = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.chain, self.key, self.counter = self.hash, None, 0
        self.pre_shared_key = pre_shared_key
        self.server_public = server_public
        self.mix_hash(prologue)
        self.mix_hash(server_public)

    def mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def _expand(self, material, count):
        key = hmac.digest(self.chain, material, "sha256")
        out = [hmac.digest(key, b"\x01", "sha256")]
        while len(out) < count:
            out.append(hmac.digest(key, out[-1] + bytes([len(out) + 1]), "sha256"))
        return out

    def mix_key(self, material):
        self.chain, self.key = self._expand(material, 2)
        self.counter = 0

    def mix_key_and_hash(self, material):
        self.chain, mixed, self.key = self._expand(material, 3)
        self.mix_hash(mixed)
        self.counter = 0

    def _nonce(self):
        nonce = bytes(4) + self.counter.to_bytes(8, "little")
        self.counter += 1
        return nonce

    def encrypt(self, plaintext):
        sealed = ChaCha20Poly1305(self.key).encrypt(self._nonce(), plaintext, self.hash)
        self.mix_hash(sealed)
        return sealed

    def decrypt(self, sealed):
        plaintext = ChaCha20Poly1305(self.key).decrypt(self._nonce(), sealed, self.hash)
        self.mix_hash(sealed)
        return plaintext

    def _ephemeral(self, public):
        self.mix_hash(public)
        if self.pre_shared_key:
            self.mix_key(public)

    def write_1(self, ephemeral, token):
        self.ephemeral = ephemeral
        self._ephemeral(ephemeral.public)
        self.mix_key(ephemeral.exchange(self.server_public))
        return ephemeral.public + self.encrypt(token)

    def read_1(self, static, message):
        self.remote = message[:32]
        self._ephemeral(self.remote)
        self.mix_key(static.exchange(self.remote))
        return self.decrypt(message[32:])

    def write_2(self, ephemeral, parameters):
        self._ephemeral(ephemeral.public)
        self.mix_key(ephemeral.exchange(self.remote))
        if self.pre_shared_key:
            self.mix_key_and_hash(self.pre_shared_key)
        return ephemeral.public + self.encrypt(parameters)

    def read_2(self, message):
        """The parameters. Raises InvalidTag or ValueError if the message is not authentic."""
        self._ephemeral(message[:32])
        self.mix_key(self.ephemeral.exchange(message[:32]))
        if self.pre_shared_key:
            self.mix_key_and_hash(self.pre_shared_key)
        return self.decrypt(message[32:])

    def split(self):
        return self._expand(b"", 2)
