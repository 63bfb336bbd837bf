"""Our signed records in other hands: the PyPI package `sd-jwt` and stock `openssl` verify them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from vault.crypto import signing
from vault.formats.record import disclose, field_paths, read_record, sign_record
from vault.formats.sd_jwt import b64url, unb64url
from vault.formats.ssh_keys import encode_pem, ssh_fingerprint

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
ID = "0123456789abcdef" * 2
META = {"signed_at": "2026-11-20T21:27:15Z", "case": "fedcba9876543210" * 2, "origin": {"kind": "own"}}
FIELDS = {
    "statement": "他们说:律师不能来。",
    "names": [{"given": "A", "family": "B"}, "C", [1, [2, None]], {}],
    "place": {"region": "R", "coordinates": [12, -3]},
    "estimated": False,
    "empty": [],
}
WHOLE = sign_record(
    id=ID,
    type="testimony",
    version=3,
    meta=META,
    fields=FIELDS,
    public_key=KEY,
    sign=lambda message: signing.sign(SEED, message),
)
CHOICES = {
    "whole": None,
    "everything but the count": list(field_paths(WHOLE)),
    "nothing": [],
    "one nested member": ["names.0.given"],
    "array elements": ["names.1", "names.2.1", "place.coordinates.1"],
    "metadata": ["@case", "@origin.kind"],
    "a container": ["place", "@signed_at"],
}


def verify_elsewhere(text: str, key: bytes = KEY) -> dict:
    """Verify with the PyPI package and return the payload that it makes of the text."""
    jwk = pytest.importorskip("jwcrypto.jwk", reason="the package jwcrypto is not installed")
    verifier = pytest.importorskip("sd_jwt.verifier", reason="the package sd-jwt is not installed")
    public = jwk.JWK(kty="OKP", crv="Ed25519", x=b64url(key))
    issuers = []

    def issuer_key(issuer, header):
        issuers.append(issuer)
        return public

    payload = verifier.SDJWTVerifier(text, issuer_key).get_verified_payload()
    assert issuers == [ssh_fingerprint(KEY)]
    return payload


@pytest.mark.parametrize("paths", CHOICES.values(), ids=CHOICES.keys())
def test_the_package_makes_of_every_presentation_what_we_make_of_it(paths):
    part = WHOLE if paths is None else disclose(WHOLE, paths)
    view = read_record(part.text, KEY)
    expected = view.meta | {
        "fields": view.fields,
        "format": "evidence-record/1",
        "id": ID,
        "iss": ssh_fingerprint(KEY),
        "type": "testimony",
        "version": 3,
    }
    if paths is None:
        expected["parts"] = len(WHOLE.disclosures)
        assert view.fields == FIELDS and view.meta == META
    assert verify_elsewhere(part.text) == expected


def test_the_package_refuses_another_key_and_a_changed_payload():
    jws = pytest.importorskip("jwcrypto.jws", reason="the package jwcrypto is not installed")
    with pytest.raises(jws.InvalidJWSSignature):
        verify_elsewhere(WHOLE.text, signing.public_key(bytes(32)))
    header, payload, rest = WHOLE.text.split(".")
    changed = b64url(unb64url(payload, "test").replace(b'"version":3', b'"version":4'))
    with pytest.raises(jws.InvalidJWSSignature):
        verify_elsewhere(".".join([header, changed, rest]))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_the_signature_of_the_jwt_part(tmp_path):
    signed, _, signature = disclose(WHOLE, ["names.0.given"]).jwt.rpartition(".")
    (tmp_path / "signer.pem").write_text(encode_pem(KEY))
    (tmp_path / "signature").write_bytes(unb64url(signature, "test"))

    def openssl(message: str) -> subprocess.CompletedProcess:
        (tmp_path / "signed").write_text(message)
        command = "openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in signed -sigfile signature"
        return subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)

    good = openssl(signed)
    assert good.returncode == 0 and "Signature Verified Successfully" in good.stdout
    assert openssl(signed[:-1] + ("A" if signed[-1] != "A" else "B")).returncode != 0
