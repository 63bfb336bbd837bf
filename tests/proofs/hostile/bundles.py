"""Crafted hostile bundles: every family of attack that is known, with its variations, numbered.

Each case is a bundle file for the reader whose X25519 secret is the bytes 0 to 31, or a folder in the place of an
opened bag. What is signed is signed by a stranger. A case says what may come of it: `REFUSED` (never believed),
`EITHER` (odd, but no rule forbids it, or the two verifiers decide), `ACCEPTED` (a control: it must be taken).
"""

from __future__ import annotations

import io
import os
import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.proofs.hostile import fuzz, targets
from tests.reference import forge, tampered, verifier
from tests.reference.forge import Forger, decoy, digest_of, disclosure
from tests.reference.tampered import ABOUT, CHECKPOINT, CONTINUATION, EARLIER, ENTRIES, FILES, PAGE, TESTIMONY
from vault.crypto.aead import StreamCipher
from vault.formats import age_header
from vault.formats.age import encrypt_bytes, parse_recipient
from vault.formats.age_armor import encode_armor
from vault.formats.age_header import Stanza
from vault.formats.age_stream import payload_key
from vault.formats.padme import padded_size

REFUSED, EITHER, ACCEPTED = "refused", "either", "accepted"
COUNT = 2_000
SEED = 7
ME = parse_recipient(tampered.RECIPIENT)


@dataclass(frozen=True)
class Case:
    """One hostile bundle.

    Attributes:
        family: What kind of attack.
        what: Which variation of it.
        expect: What may come of it.
        make: Returns the bundle file; or, of a folder, is given the place and makes it there.
        folder: It is an opened bag.
    """

    family: str
    what: str
    expect: str
    make: Callable
    folder: bool = False


def sealed(container: bytes) -> bytes:
    return encrypt_bytes(container, [ME])


@cache
def _whole() -> bytes:
    """A container that the stranger signed and that is accepted: what the others are changed from."""
    return tampered.build(Forger(FILES))


@cache
def _signed() -> dict[str, bytes]:
    return verifier.read_container(_whole())


def _built(stage: str, change, signer=None) -> Callable[[], bytes]:
    return lambda: sealed(tampered.build(Forger(FILES, signer), stage, change))


def whole() -> Iterator[Case]:
    """Everything that the rules of the format name, each at its layer, and what no rule forbids."""
    for (stage, _), changes in tampered.REFUSED.items():
        for name, change in changes.items():
            yield Case("rules of the format", name, REFUSED, _built(stage, change))
    for stage, changes in tampered.ACCEPTED.items():
        for name, change in changes.items():
            yield Case("odd but allowed", name, ACCEPTED, _built(stage, change))


# -- container -------------------------------------------------------------------------------------------------------

NAMES = [
    "../x",
    "bag/../../x",
    "bag/../x",
    "/etc/cron.d/x",
    "//server/share/x",
    "\\\\server\\share\\x",
    "C:\\x",
    "C:/x",
    "c:x",
    "bag/C:x",
    "bag/data\\x",
    "bag\\data\\x",
    "bag/./x",
    "bag//x",
    "bag/",
    "bag",
    ".",
    "..",
    "",
    "/",
    "bag/.ssh",
    "bag/-rf",
    "bag/a.",
    "bag/a ",
    "bag/ a",
    "bag/PROGRA~1",
    "bag/data/EVIDEN~1.TXT",
    "bag/CON",
    "bag/NUL.txt",
    "bag/aux",
    "bag/COM1",
    "bag/x:stream",
    "bag/x::$DATA",
    "bag/data/records/../../../x",
    "bag/data/attachments/../../x",
    "~/x",
    "bag/~root",
    "bag/$HOME",
    "bag/%2e%2e/x",
    "bag/..%2fx",
    "bag/\u2025/x",
    "bag/x\ny",
    "bag/x\ty",
    "bag/x\0y",
    "bag/\x1b[2Jx",
    "bag/caf\u00e9",
    "bag/cafe\u0301",
    "bag/\u202egpj.x",
    "bag/\ufeffx",
    "bag/\u2215etc",
    "bag/Data/x",
    "bag/DATA/bundle.json",
    "BAG/x",
    "other/x",
    "bag2/x",
    "bag/fetch.txt",
    "bag/bagit.txt/x",
    "bag/data/bundle.json/x",
    "bag/data",
    "bag/data/custody",
    "bag/data/records/x.sd-jwt",
    "bag/data/attachments/x.jpg",
    "bag/" + "a/" * 40 + "x",
    "bag/" + "a" * 95,
    "bag/.opening-x",
    "bag/.git/config",
    "bag/desktop.ini",
    "bag/Thumbs.db",
    "bag/.DS_Store",
    "bag/._x",
    "bag/data/report.html.",
    "bag/*",
    "bag/?",
    "bag/|x",
    "bag/<x>",
    'bag/"x"',
    "bag/'x'",
    "bag/x;y",
    "bag/`id`",
    "bag/$(id)",
    "bag/&x",
    "bag/#x",
    "bag/@x",
    "bag/=x",
]


def _with_entry(name: bytes, content: bytes, first: bool, edit=None, link: bytes = b"") -> bytes:
    """The container with one more entry of any name, in front of all others or behind them."""
    header = bytearray(forge.tar_header(name[:100], b"%011o" % len(content)))
    if link:
        header[157 : 157 + len(link)] = link
    if edit:
        edit(header)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    entry = bytes(header) + content + bytes(-len(content) % 512)
    body = _whole()
    end = max(at for at in range(0, len(body), 512) if any(body[at : at + 512])) + 512
    files = body[:end]
    return _padded(entry + files if first else files + entry)


def _padded(files: bytes) -> bytes:
    data = files + bytes(1024)
    return data.ljust(padded_size(len(data), 512), b"\0")


def names() -> Iterator[Case]:
    for name in NAMES:
        for first in (True, False):
            raw = name.encode()
            make = lambda raw=raw, first=first: sealed(_with_entry(raw, b"x", first))  # noqa: E731
            yield Case("names", f"{name!r} {'first' if first else 'last'}", REFUSED, make)
    # A record or attachment under such a name, listed and signed for.
    for name in NAMES:
        inside = name.removeprefix("bag/")
        if 0 < len(inside.encode()) < 90 and inside not in FILES and "\0" not in inside:
            put = tampered.put(f"data/attachments/{inside}", b"x")
            yield Case("names, signed for", repr(name), REFUSED, lambda put=put: _pack_any(put))


def _pack_any(change) -> bytes:
    """A container whose names may be anything that fits into a header."""
    forger = Forger(FILES)
    change(forger)
    for step in (forger.describe, forger.list_files, forger.sign):
        step()
    out = b"".join(
        forge.tar_header(f"bag/{path}".encode()[:100], b"%011o" % len(content)) + content + bytes(-len(content) % 512)
        for path, content in forger.ordered().items()
    )
    return sealed(_padded(out))


def kinds() -> Iterator[Case]:
    for kind in range(256):
        if kind == ord("0"):
            continue

        def edit(header, kind=kind):
            header[156] = kind

        link = b"/etc/passwd" if kind in b"12" else b""
        content = b"" if kind in b"123456" else b"12 size=99\n"
        yield Case(
            "kinds of entries",
            f"type {kind:#04x}",
            REFUSED,
            lambda edit=edit, link=link, content=content: sealed(
                _with_entry(b"bag/data/attachments/" + b"0" * 32 + b".bin", content, False, edit, link)
            ),
        )


def headers(draw: random.Random) -> Iterator[Case]:
    """Any other byte at any place of any header, its checksum made right or left wrong."""
    offsets = [at for at in range(0, len(_whole()), 512) if _whole()[at + 257 : at + 262] == b"ustar"]
    for number in range(180):
        start, at, value, right = draw.choice(offsets), draw.randrange(512), draw.randrange(256), number % 3

        def make(start=start, at=at, value=value, right=right):
            data = bytearray(_whole())
            if data[start + at] == value:
                value ^= 1
            data[start + at] = value
            if right:
                data[start + 148 : start + 156] = b" " * 8
                data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
            return sealed(bytes(data))

        # A checksum that was made right again can be a header that is right: only where the checksum itself was hit.
        yield Case("fields of headers", f"{start}+{at}={value}", EITHER if 148 <= at < 156 else REFUSED, make)


def lengths(draw: random.Random) -> Iterator[Case]:
    odd = [
        b"77777777777\0",
        b"00000000000\0",
        b"-0000000001\0",
        b"0x000000010\0",
        b"           \0",
        b"\x80" + b"\0" * 11,
        b"\x80" + b"\xff" * 11,
        b"\xff" * 12,
        b"00000000001 ",
        b"1\0\0\0\0\0\0\0\0\0\0\0",
        b"99999999999\0",
        b"+0000000001\0",
        b"0000000001\0\0",
        b"\0" * 12,
        b"00000001000\0",
        b"00000000777\0",
        b"20000000000\0",
        b"37777777777\0",
    ]
    offsets = [at for at in range(0, len(_whole()), 512) if _whole()[at + 257 : at + 262] == b"ustar"]
    for size in odd:
        for start in draw.sample(offsets, 4):

            def make(start=start, size=size):
                data = bytearray(_whole())
                data[start + 124 : start + 136] = size
                data[start + 148 : start + 156] = b" " * 8
                data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
                return sealed(bytes(data))

            yield Case("lying lengths", f"{size!r} at {start}", REFUSED, make)
    for size in (
        b"19 size=8589934592\n",
        b"20 size=17592186044417\n",
        b"19 size=8589934591\n",
        b"9 size=1\n",
        b"19 path=/etc/pass\n",
        b"19 size=8589934592\n" * 2,
        b"99 size=8589934592\n",
        b"22 size=9999999999999\n",
        b"12 uid=00000\n",
    ):

        def extended(size=size):
            head = forge.tar_header(
                b"PaxHeaders/size", b"%011o" % len(size), lambda block: block.__setitem__(156, ord("x"))
            )
            body = head + size.ljust(512, b"\0") + forge.tar_header(b"bag/bagit.txt", b"0" * 11)
            return sealed(_padded(body + _whole()[:5120]))

        yield Case("lying lengths", f"extended {size!r}", REFUSED, extended)


def ends(draw: random.Random) -> Iterator[Case]:
    whole = _whole()
    for at in sorted({*draw.sample(range(len(whole)), 90), 0, 1, 511, 512, 1024, len(whole) - 512, len(whole) - 1}):
        yield Case("cut", f"container at {at}", REFUSED, lambda at=at: sealed(_whole()[:at]))
    for more in (1, 511, 512, 513, 1024, 5120, 40_960, 1 << 20):
        yield Case("longer", f"{more} zeros", REFUSED, lambda more=more: sealed(_whole() + bytes(more)))
        yield Case("longer", f"{more} others", REFUSED, lambda more=more: sealed(_whole() + b"x" * more))
    end = max(at for at in range(0, len(whole), 512) if any(whole[at : at + 512])) + 512
    for at in draw.sample(range(end, len(whole)), min(60, len(whole) - end)):

        def behind(at=at):
            data = bytearray(_whole())
            data[at] = 1 + at % 255
            return sealed(bytes(data))

        yield Case("something behind the zeros", f"at {at}", REFUSED, behind)
    fillings = [at for at in range(512, end) if whole[at] == 0 and whole[at - 1] != 0][:40]
    for at in fillings:

        def filled(at=at):
            data = bytearray(_whole())
            data[at] = 0x41
            return sealed(bytes(data))

        yield Case("something behind the zeros", f"filling at {at}", REFUSED, filled)


def doubles() -> Iterator[Case]:
    for path in FILES:
        yield Case("one name twice", path, REFUSED, lambda path=path: sealed(forge.pack(_signed(), twice=path)))
    for path in list(FILES)[:14]:
        for change in (str.upper, str.title, lambda name: name.replace("a", "а"), lambda name: name + "."):
            if (name := change(path)) != path:
                yield Case(
                    "names that look alike",
                    repr(name),
                    REFUSED,
                    lambda name=name, path=path: _pack_any(lambda f: f.files.__setitem__(name, FILES[path])),
                )
    for name in ("é", "Å", "ﬁ", "가", "ཀྵ", "ñ"):
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            put = tampered.put(f"data/{unicodedata.normalize(form, name)}.txt", b"x")
            yield Case("names that look alike", f"{name} {form}", REFUSED, lambda put=put: _pack_any(put))


# -- encryption ------------------------------------------------------------------------------------------------------


def _age(stanzas: list[Stanza], payload: bytes = b"x" * 40, mac: bytes | None = None) -> bytes:
    header = age_header.Header(tuple(stanzas), mac or bytes(32))
    return header.encode() + bytes(16) + payload


def _scrypt(factor: str, salt: bytes = bytes(16), body: bytes = bytes(32)) -> Stanza:
    return Stanza(("scrypt", age_header.encode_base64(salt), factor), body)


def encryption(draw: random.Random) -> Iterator[Case]:
    for factor in [*map(str, range(1, 70)), "0", "-1", "018", "1e9", "99", "100", "4294967296", "9" * 400, "१८", "x"]:
        if factor.isascii():
            yield Case("scrypt", f"work factor {factor[:20]}", REFUSED, lambda factor=factor: _age([_scrypt(factor)]))
    for count in (2, 3, 64):
        yield Case("scrypt", f"{count} of them", REFUSED, lambda count=count: _age([_scrypt("22")] * count))
    yield Case("scrypt", "beside another", REFUSED, lambda: _age([ME.wrap(bytes(16)), _scrypt("22")]))
    for count in (63, 64, 65, 1_000, 5_000, 200_000):
        yield Case(
            "stanzas",
            f"{count} for others",
            REFUSED,
            lambda count=count: _age([Stanza(("X25519", "A" * 43), bytes(32))] * count),
        )
        yield Case("stanzas", f"{count} of no kind", REFUSED, lambda count=count: _age([Stanza(("a",), b"")] * count))
    for size in (64, 65, 1000, 48_000, 1 << 20, 1 << 24):
        yield Case(
            "stanzas", f"a body of {size}", REFUSED, lambda size=size: _age([Stanza(("X25519", "A" * 43), bytes(size))])
        )
        yield Case("stanzas", f"an argument of {size}", REFUSED, lambda size=size: _age([Stanza(("x" * size,), b"")]))
    good = sealed(_whole())
    start = good.index(b"--- ")
    for number in range(60):
        at, value = draw.randrange(start + 60), draw.randrange(1, 256)

        def flip(at=at, value=value):
            data = bytearray(sealed(_whole()))
            data[at] ^= value
            return bytes(data)

        yield Case("altered encryption", f"header at {at} ^ {value} ({number})", REFUSED, flip)
    for number in range(60):
        at, value = draw.randrange(start + 64, len(good)), draw.randrange(1, 256)
        yield Case(
            "altered encryption", f"payload at {at} ({number})", REFUSED, lambda at=at, value=value: _flip(at, value)
        )
    for at in draw.sample(range(len(good)), 60):
        yield Case("cut", f"file at {at}", REFUSED, lambda at=at: sealed(_whole())[:at])
    for line in (
        b"",
        b"age-encryption.org/v1",
        b"age-encryption.org/v2\n",
        b"age-encryption.org/v1\r\n",
        b"\xef\xbb\xbfage-encryption.org/v1\n",
        b"age-encryption.org/v1\n\n",
        b"-----BEGIN AGE ENCRYPTED FILE-----\n",
        b"PK\3\4",
        b"\x1f\x8b\x08",
        b"7z\xbc\xaf",
        b"\0" * 4096,
        b"-----BEGIN PGP MESSAGE-----\n",
        b"bag/bagit.txt",
        b"\n" * 5000,
        b" " * 100_000,
        b"age-encryption.org/v1\n" + b"-> " * 90_000,
    ):
        yield Case("no age file", repr(line[:24]), REFUSED, lambda line=line: line)
        if line:
            yield Case("no age file", f"{line[:24]!r} and more", REFUSED, lambda line=line: line + good)
    for change in (
        lambda t: t[:-20],
        lambda t: t + b"x",
        lambda t: t.replace(b"\n", b"\r", 5),
        lambda t: b"x" + t,
        lambda t: t.upper(),
        lambda t: t.replace(b"\n", b"\n ", 2),
        lambda t: t * 2,
        lambda t: t.replace(b"A", b"", 1),
        lambda t: t[: len(t) // 2],
    ):
        yield Case("armor", "malformed", REFUSED, lambda change=change: change(encode_armor(sealed(_whole()))))
    yield Case("armor", "as it should be", ACCEPTED, lambda: encode_armor(sealed(_whole())))
    yield Case("empty payload", "", REFUSED, lambda: sealed(b""))
    for size in (1, 512, 65_536, 65_537, 131_072):
        yield Case("no container", f"{size} zeros", REFUSED, lambda size=size: sealed(bytes(size)))
        yield Case(
            "no container", f"{size} others", REFUSED, lambda size=size: sealed(random.Random(size).randbytes(size))
        )
    yield Case("chunks", "a last one that is empty", REFUSED, _empty_last_chunk)


def _flip(at: int, value: int) -> bytes:
    data = bytearray(sealed(_whole()))
    data[at % len(data)] ^= value
    return bytes(data)


def _empty_last_chunk() -> bytes:
    """Chunks as they should be, and behind the last an empty one."""
    key = bytes(16)
    header = age_header.make((ME.wrap(key),), key)
    cipher, out = StreamCipher(payload_key(key, bytes(16))), b""
    pieces = [bytes(65_536), b""]
    for number, piece in enumerate(pieces):
        out += cipher.encrypt(number.to_bytes(11, "big") + bytes([number == len(pieces) - 1]), piece)
    return header.encode() + bytes(16) + out


# -- JSON ------------------------------------------------------------------------------------------------------------

VALUES = {
    "nested 100": b"[" * 100 + b"]" * 100,
    "nested 100,000": b"[" * 100_000 + b"]" * 100_000,
    "objects nested 50,000": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "opened only": b"[" * 1_000_000,
    "an integer of 5,000 digits": b"9" * 5_000,
    "an integer of 1,000,000 digits": b"1" * 1_000_000,
    "a negative zero": b"-0",
    "a float": b"1.0",
    "an exponent": b"1e999",
    "a small exponent": b"1E-400",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "a member twice": b'{"a":1,"a":2}',
    "members out of order": b'{"b":1,"a":2}',
    "half a character": b'"\\ud800"',
    "half a character in UTF-8": b'"\xed\xa0\x80"',
    "an overlong character": b'"\xc0\xaf"',
    "beyond Unicode": b'"\xf4\x90\x80\x80"',
    "an escaped zero": b'"\\u0000"',
    "a raw zero": b'"\0"',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "white space": b"{ }",
    "two values": b"{}{}",
    "a comment": b"/* */{}",
    "single quotes": b"{'a':1}",
    "no value": b"",
    "true": b"true",
    "null": b"null",
    "a text": b'"x"',
    "1 MiB of marks on one letter": b'"a' + "\u0301".encode() * (1 << 19) + b'"',
    "marks that turn text": '"\u202e\u2066\u2067\u2068\u202a\u200f"'.encode(),
    "a name of 1 MiB": b'{"' + b"a" * (1 << 20) + b'":1}',
    "100,000 members": b"{" + b",".join(b'"%06d":0' % n for n in range(100_000)) + b"}",
    "1,000,000 empty lists": b"[" + b"[]," * 999_999 + b"[]]",
    "many short texts": b"[" + b'"",' * 900_000 + b'""]',
    "a prototype": b'{"__proto__":{"a":1}}',
    "a class": b'{"py/object":"os.system"}',
}


def texts_in_json() -> Iterator[Case]:
    for name, value in VALUES.items():
        for path in (ABOUT, ENTRIES):
            yield Case(
                "JSON",
                f"{path}: {name}",
                REFUSED,
                _built("described" if path == ENTRIES else "listed", tampered.put(path, value)),
            )
        yield Case(
            "JSON",
            f"payload of a record: {name}",
            REFUSED,
            _built("inside", tampered.raw(lambda data, value=value: value)),
        )
        yield Case("JSON", f"readable copy: {name}", REFUSED, _built("copies", tampered.put(tampered.COPY, value)))
        text = forge.b64(value)
        yield Case("JSON", f"a disclosure: {name}", REFUSED, _built("inside", _one_field(text)))
        # The value itself is canonical JSON or is not: a field of any text may say what it likes.
        field = forge.b64(b'["c2FsdHNhbHRzYWx0c2FsdA","a",' + value + b"]")
        yield Case("JSON", f"the value of a field: {name}", EITHER, _built("inside", _one_field(field)))
        leaf = forge.b64(b'["c2FsdHNhbHRzYWx0c2FsdA","type",' + value + b"]")
        yield Case("JSON", f"a slot of an entry: {name}", EITHER, _built("inside", _slot(leaf)))


def _one_field(text: str):
    return tampered.new_record([digest_of(text)], [text])


def _slot(text: str):
    def change(f):
        leaf = {"_sd": [decoy(number) for number in range(12)], "_sd_alg": "sha-256", "epoch": "e0" * 16}
        leaf["_sd"][1] = digest_of(text)
        f.only_entry({**leaf, "format": "custody-entry/1", "number": 0}, [text])

    return change


def digests(draw: random.Random) -> Iterator[Case]:
    """Records whose digests repeat, point at each other, or are there twice, in many shapes."""
    for number in range(60):
        texts = [disclosure("a", number)]
        shape = number % 6
        for level in range(draw.randrange(1, 7)):
            inner = [digest_of(text) for text in texts]
            if shape == 1:
                inner.append(inner[-1])
            if shape == 2 and len(texts) > 1:
                inner = inner[:1] * 2
            value = {"_sd": sorted(inner + [decoy(level * 10 + n) for n in range(-len(inner) % 4)])}
            texts.append(disclosure("b" if shape != 3 else "_sd", value))
            if shape == 4:
                texts.append(
                    disclosure([{"...": one} for one in inner] + [{"...": decoy(n)} for n in range(-len(inner) % 4)])
                )
            if shape == 5:
                texts.append(texts[-1])
        top = [digest_of(text) for text in texts]
        make = tampered.new_record(top, texts)
        yield Case("digests of records", f"repeated, shape {shape} ({number})", REFUSED, _built("inside", make))
    for count in (9, 50, 500):
        yield Case("digests of records", f"{count} levels", REFUSED, _built("inside", tampered.deep(count)))
    for count in (7, 9, 1_000, 100_000):
        change = tampered.payload(_sd=sorted(decoy(number) for number in range(count)))
        yield Case(
            "digests of records", f"{count} in the payload", REFUSED if count % 8 else EITHER, _built("inside", change)
        )
    for count in (100, 20_000):

        def unrelated(f, count=count):
            f.sign_record(TESTIMONY, lambda p, texts: texts.extend(disclosure("x", n) for n in range(count)))

        yield Case("digests of records", f"{count} that belong nowhere", REFUSED, _built("inside", unrelated))


# -- signatures ------------------------------------------------------------------------------------------------------

SIGNERS = {
    "second half above the group order": forge.LooseSigner,
    "neutral nonce": forge.NeutralNonceSigner,
    "a key of order 2 added": forge.MixedSigner,
    "another key": lambda: forge.Signer(bytes(32)),
}


def signatures() -> Iterator[Case]:
    for name, signer in SIGNERS.items():

        def bag(signer=signer):
            return _built("signed", tampered.sign_again(signer()))()

        yield Case("signatures", f"bag: {name}", REFUSED, bag)
        for path in (TESTIMONY, CHECKPOINT, EARLIER):

            def inner(signer=signer, path=path):
                def change(f):
                    other = Forger(FILES, signer())
                    f.files[path] = other.files[path]

                return _built("inside", change)()

            yield Case("signatures", f"{path}: {name}", REFUSED, inner)
        if name != "another key":
            yield Case("signatures", f"everything: {name}", EITHER, _built("inside", lambda f: None, signer()))
    for version in (0, 2, 255, 2**32 - 1):
        yield Case("signatures", f"version {version}", REFUSED, _built("signed", tampered.sign_again(version=version)))
    for namespace in (b"", b"file", b"git", b"evidence-bundle\0", b"Evidence-bundle", b"x" * 100_000):
        yield Case(
            "signatures",
            f"namespace {namespace[:20]!r}",
            REFUSED,
            _built("signed", tampered.sign_again(namespace=namespace)),
        )
    armored = FILES[tampered.SIGNATURE]
    for name, data in {
        "none": b"",
        "zeros": bytes(400),
        "twice": armored * 2,
        "of another bundle": armored,
        "1 MiB of lines": armored.replace(b"\n", b"\n" * 100_000, 1),
        "30 MiB": b"A" * (30 << 20),
        "not ASCII": b"\xff" + armored,
    }.items():
        yield Case("signatures", name, REFUSED, _built("signed", tampered.put(tampered.SIGNATURE, data)))
    neutral = lambda: sealed(tampered.build(Forger(FILES, forge.NeutralSigner())))  # noqa: E731
    yield Case("signatures", "a key for which one signature fits all", REFUSED, neutral)


# -- what costs ------------------------------------------------------------------------------------------------------


def _many(count: int, kind: str):
    def change(f):
        for number in range(count):
            ident = f"{number:032x}"
            if kind == "copies":
                f.files[f"data/records/{ident}.json"] = b"{}"
            elif kind == "files":
                f.files[f"data/attachments/{ident}.bin"] = b""
            else:
                f.files[f"data/records/{ident}.sd-jwt"] = b"x"

    return change


def _dense(size: int, part: bytes) -> bytes:
    """A list of as many parts as a file of this size may have, the rest one long text."""
    marks = size // 20 + 9_000
    number = marks // (1 + part.count(b"[") + part.count(b"{") + part.count(b","))
    body = (part + b",") * number
    return b"[" + body + b'"' + b"x" * max(0, size - len(body) - 4) + b'"]'


def costs() -> Iterator[Case]:
    for size in (1 << 20, 31 << 20):
        for part in (b"{}", b"[]", b'""', b"0", b'{"a":{}}', b"[[[[]]]]"):
            for path in (ABOUT, ENTRIES):
                make = _built(
                    "described" if path == ENTRIES else "listed",
                    lambda f, size=size, part=part, path=path: f.files.__setitem__(path, _dense(size, part)),
                )
                yield Case("costs", f"{path}: {size >> 20} MiB of {part!r}", REFUSED, make)
        for path in (
            PAGE,
            "VERIFY.txt",
            "signers",
            "signer.pem",
            tampered.MANIFEST,
            tampered.TAGS,
            CHECKPOINT,
            EARLIER,
            CONTINUATION,
            TESTIMONY,
            tampered.COPY,
            "bag-info.txt",
            "bagit.txt",
        ):
            for fill in (b"x", b"\n", b"~"):
                stage = {tampered.TAGS: "signed", tampered.MANIFEST: "manifests"}.get(path, "listed")
                make = _built(stage, tampered.edit(path, lambda data, size=size, fill=fill: fill * size))
                yield Case("costs", f"{path}: {size >> 20} MiB of {fill!r}", REFUSED, make)
    for count in (1_000, 5_000):
        for kind in ("copies", "files", "originals"):
            yield Case("costs", f"{count} {kind}", REFUSED, _built("inside", _many(count, kind)))
    lists = _built("described", tampered.edit(ENTRIES, lambda data: b"[" + b"[]," * 10_000_000 + b"[]]"))
    yield Case("costs", "ten million empty lists", REFUSED, lists)
    yield Case("costs", "100,001 files", REFUSED, _too_many_files)
    yield Case(
        "costs",
        "four files of 30 MiB",
        REFUSED,
        _built(
            "listed",
            lambda f: [
                f.files.__setitem__(path, b"x" * (30 << 20)) for path in (PAGE, ENTRIES, TESTIMONY, tampered.COPY)
            ],
        ),
    )
    for size in (1 << 10, 1 << 20, 20 << 20):
        text = "a" + "\u0301" * (size // 2)
        yield Case(
            "costs",
            f"a field of {size} bytes of marks",
            ACCEPTED if size < 4 << 20 else EITHER,
            _built("inside", tampered.value(text)),
        )
    for count in (1_000, 20_000):
        yield Case("costs", f"a record of {count} fields", ACCEPTED, _built("inside", _wide(count)))
    yield Case("costs", "a record of 100,001 fields", REFUSED, _built("inside", _wide(100_001)))


def _wide(count: int):
    def change(f):
        texts = [disclosure(f"f{number}", number) for number in range(count)]
        tampered.new_record([digest_of(text) for text in texts], texts)(f)

    return change


def _too_many_files() -> bytes:
    out = io.BytesIO()
    for number in range(100_001):
        out.write(forge.tar_header(b"bag/data/attachments/%032x.bin" % number, b"0" * 11))
    return sealed(_padded(out.getvalue()))


# -- folders ---------------------------------------------------------------------------------------------------------


def _folder(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        for path, content in _signed().items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        change(place)

    return make


def folders() -> Iterator[Case]:
    def link(path, to):
        return lambda place: ((place / path).unlink(), os.symlink(to, place / path))

    def folder_link(place):
        (place / "data/custody").rename(place.parent / f"{place.name}-elsewhere")
        os.symlink(place.parent / f"{place.name}-elsewhere", place / "data/custody")

    changes = {
        "a link to a file outside": link("data/report.html", "/etc/passwd"),
        "a link to nowhere": link(CHECKPOINT, "/nonexistent"),
        "a link to itself": link("signers", "signers"),
        "a link to an endless file": link("VERIFY.txt", "/dev/zero"),
        "a pipe": lambda place: ((place / "signers").unlink(), os.mkfifo(place / "signers")),
        "a folder that is a link": folder_link,
        "a folder in the place of a file": lambda place: ((place / "signers").unlink(), (place / "signers").mkdir()),
        "a deep tree": lambda place: (place / ("d/" * 200)).mkdir(parents=True),
        "5,000 files more": lambda place: [(place / f"data/records/{n}").write_bytes(b"") for n in range(5_000)],
        "an endless file": lambda place: os.truncate(place / "data/report.html", 1 << 40),
        "a name that is no text": lambda place: (place / os.fsdecode(b"data/\xff\xfe")).write_bytes(b"x"),
        "a name with a line end": lambda place: (place / "data/a\nb").write_bytes(b"x"),
        "a name that turns text": lambda place: (place / "data/\u202egpj").write_bytes(b"x"),
        "a name that a terminal obeys": lambda place: (place / "data/\x1b]0;x\x07").write_bytes(b"x"),
        "another case of letters": lambda place: (place / "SIGNERS").write_bytes(b"x"),
        "a hidden file": lambda place: (place / ".hidden").write_bytes(b"x"),
        "nothing in it": lambda place: [file.unlink() for file in place.rglob("*") if file.is_file()],
    }
    for name, change in changes.items():
        yield Case("folders", name, REFUSED, _folder(change), folder=True)
    for path in FILES:
        yield Case(
            "folders",
            f"without {path}",
            REFUSED,
            _folder(lambda place, path=path: (place / path).unlink()),
            folder=True,
        )
        yield Case(
            "folders",
            f"one byte of {path}",
            REFUSED,
            _folder(lambda place, path=path: (place / path).write_bytes(_signed()[path] + b"x")),
            folder=True,
        )
    for name, value in VALUES.items():
        yield Case(
            "folders",
            f"JSON, {name}",
            REFUSED,
            _folder(lambda place, value=value: (place / ENTRIES).write_bytes(value)),
            folder=True,
        )
    yield Case("folders", "as it should be", ACCEPTED, _folder(lambda place: None), folder=True)


# -- whatever else ---------------------------------------------------------------------------------------------------


def drawn(draw: random.Random, count: int) -> Iterator[Case]:
    """Changes that nobody thought of: the second verifier says what may come of them."""
    inputs = targets.TARGETS["bundle"].seeds()
    for number, data in zip(range(count), fuzz.mutations(inputs, draw.randrange(1 << 30), 1024), strict=False):

        def make(data=data):
            made = targets.build(data, tampered.RECIPIENT)
            return sealed(made[1] if made else b"")

        yield Case("drawn", str(number), EITHER, make)


@cache
def cases() -> tuple[Case, ...]:
    """All of them, always the same ones in the same order."""
    draw = random.Random(SEED)
    found = [
        *whole(),
        *names(),
        *kinds(),
        *headers(draw),
        *lengths(draw),
        *ends(draw),
        *doubles(),
        *encryption(draw),
        *texts_in_json(),
        *digests(draw),
        *signatures(),
        *costs(),
        *folders(),
    ]
    found += drawn(draw, max(100, COUNT - len(found)))
    return tuple(found)
