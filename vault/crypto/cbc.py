"""One block of AES-256-CBC (NIST SP 800-38A): what SQLCipher encrypts its pages with.

Nothing here is authenticated, and nothing is made with it: it only looks into a page before SQLCipher does.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def first_block(key: bytes, vector: bytes, block: bytes) -> bytes:
    """Return the first 16 bytes of a plaintext.

    Args:
        key: 32 bytes.
        vector: The initialisation vector, 16 bytes.
        block: The first 16 bytes of the ciphertext.
    """
    return Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor().update(block)
