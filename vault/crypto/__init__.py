"""The only package that imports cryptography, nacl and argon2.

Which primitive comes from which library (each is a one-line decision; nothing is negotiated at run time):

| primitive                          | library      | module       | specification |
|------------------------------------|--------------|--------------|---------------|
| Ed25519 (strict verification)      | PyNaCl       | `signing`    | RFC 8032 |
| XChaCha20-Poly1305 (key wrapping)  | PyNaCl       | `aead`       | draft-irtf-cfrg-xchacha-03 |
| ChaCha20-Poly1305 (streams)        | cryptography | `aead`       | RFC 8439 |
| AES-256-GMAC (tags of chunks)      | cryptography | `aead`       | NIST SP 800-38D |
| X25519, HPKE with MLKEM768-X25519  | cryptography | `kem`        | RFC 7748, RFC 9180, X-Wing |
| HKDF-SHA256, HMAC-SHA256, scrypt   | cryptography | `kdf`        | RFC 5869, RFC 2104, RFC 7914 |
| Argon2id                           | argon2-cffi  | `kdf`        | RFC 9106 |
| SHA-256, SHA-512                   | hashlib      | `hashes`     | FIPS 180-4 |
| random bytes                       | os.urandom   | `randomness` | |

Keys are `bytes` here and nowhere kept; callers hold them in `vault.model.Secret`. Library exceptions never leave.
"""
