"""Vault files made to harm: bytes of the encrypted file, pages encrypted anew with the key, and hostile SQL.

A server is forked for each case, with keys that are open already; it opens the vault, walks through all that a person
would look at, writes something, and says how it ended.
"""

from __future__ import annotations

import faulthandler
import hashlib
import hmac
import json
import os
import random
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlcipher3 import dbapi2 as sqlite

from tests.vault_world import PHOTO, make_vault
from vault import api, keys
from vault.errors import VaultError
from vault.jobs import Job
from vault.model import Secret

PAGE = 16384
MEMORY = 512 << 20
SECONDS = 60


def make(folder: Path) -> api.OpenVault:
    """A small vault with a bit of everything, closed."""
    vault = make_vault(folder)
    case = api.cases.add(vault, "a case")
    for number in range(6):
        api.records.add(vault, case.id, "note", {"text": f"words {number} 我们"})
    api.intake.attach(vault, case.id, PHOTO, Job())
    vault.close()
    return vault


# -- pages -----------------------------------------------------------------------------------------------------------


class Pages:
    """The pages of a store, decrypted, and encrypted again with a MAC that holds (docs/formats/store.md)."""

    def __init__(self, data: bytes, key: bytes) -> None:
        self.key, self.salt = key, data[:16]
        self.mac_key = hashlib.pbkdf2_hmac("sha512", key, bytes(one ^ 0x3A for one in self.salt), 2, 32)
        self.pages = [
            self._decrypted(number, data[at : at + PAGE]) for number, at in enumerate(range(0, len(data), PAGE), 1)
        ]

    def _decrypted(self, number: int, page: bytes) -> bytearray:
        start = 16 if number == 1 else 0
        body, vector, mac = page[start : PAGE - 48], page[PAGE - 48 : PAGE - 32], page[PAGE - 32 :]
        assert hmac.digest(self.mac_key, body + vector + number.to_bytes(4, "little"), "sha256") == mac
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(vector)).decryptor()
        return bytearray((b"SQLite format 3\0" if start else b"") + cipher.update(body) + cipher.finalize() + bytes(48))

    def encode(self) -> bytes:
        out = []
        for number, page in enumerate(self.pages, 1):
            start, vector = 16 if number == 1 else 0, bytes(16)
            cipher = Cipher(algorithms.AES(self.key), modes.CBC(vector)).encryptor()
            body = cipher.update(bytes(page[start : PAGE - 48])) + cipher.finalize()
            mac = hmac.digest(self.mac_key, body + vector + number.to_bytes(4, "little"), "sha256")
            out.append((self.salt if start else b"") + body + vector + mac)
        return b"".join(out)


def outside(data: bytes, draw: random.Random) -> bytes:
    """What somebody without the key can do to the file."""
    made = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8))):
        at = draw.randrange(len(made))
        match draw.randrange(7):
            case 0:
                made[at] ^= 1 << draw.randrange(8)
            case 1:
                made[at : at + 64] = draw.randbytes(64)
            case 2:
                del made[at:]
                made = made or bytearray(1)
            case 3:
                made += draw.randbytes(draw.choice((1, 512, PAGE)))
            case 4:
                first, second = (draw.randrange(len(made) // PAGE + 1) * PAGE for _ in range(2))
                made[first : first + PAGE] = made[second : second + PAGE]
            case 5:
                made[at : at + PAGE] = bytes(len(made[at : at + PAGE]))
            case 6:
                del made[at : at + draw.choice((1, 16, PAGE))]
        made = made or bytearray(1)
    return bytes(made)


def inside(pages: Pages, draw: random.Random) -> bytes:
    """What somebody with the key can do to the database: headers, pointers, lengths and contents of pages."""
    before = [bytes(page) for page in pages.pages]
    for _ in range(draw.choice((1, 1, 2, 5))):
        page = draw.choice(pages.pages)
        head = 100 if page is pages.pages[0] else 0
        match draw.randrange(8):
            case 0:
                page[draw.randrange(head, head + 12)] = draw.randrange(256)
            case 1:
                at = head + 8 + 2 * draw.randrange(40)
                page[at : at + 2] = draw.randrange(65536).to_bytes(2, "big")
            case 2:
                at = int.from_bytes(page[head + 8 : head + 10], "big") or head
                page[min(at + draw.randrange(12), PAGE - 49)] = draw.choice(
                    (0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256))
                )
            case 3:
                page[draw.randrange(16, PAGE - 48)] ^= 1 << draw.randrange(8)
            case 4:
                first = pages.pages[0]
                first[draw.randrange(16, 100)] = draw.choice((0, 1, 2, 0x7F, 0xFF, draw.randrange(256)))
            case 5:
                other = draw.choice(pages.pages)
                page[head:] = other[head:]
            case 6:
                at = draw.randrange(16, PAGE - 80)
                page[at : at + 32] = draw.choice((b"\xff" * 32, bytes(32), b"\x80" * 32, draw.randbytes(32)))
            case 7:
                pages.pages = pages.pages[: draw.randrange(1, len(pages.pages) + 1)]
    made = pages.encode()
    pages.pages = [bytearray(page) for page in before]
    return made


# -- SQL -------------------------------------------------------------------------------------------------------------


def _scripts() -> dict[str, list[str]]:
    _, *parts = (Path(__file__).with_suffix(".sql")).read_text("utf-8").split("\n-- ")
    return {name: lines for name, *lines in (part.strip().split("\n") for part in parts)}


SQL: dict[str, list[str]] = _scripts()
"""Name → statements, each of them hostile to whoever opens the store."""


def rewritten(store: Path, key: bytes, script: list[str]) -> None:
    """What somebody with the key can do by SQL."""
    connection = sqlite.connect(str(store), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute("PRAGMA cipher_page_size = 16384")
    connection.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    for statement in script:
        connection.execute(statement)
    connection.close()


# -- the server ------------------------------------------------------------------------------------------------------


def walk(folder: Path, opened: keys.OpenKeys) -> str:
    """Open a vault, look at everything, write something; returns what `check` finds."""
    vault = api.setup.open_with(folder, opened)
    try:
        for case in api.cases.page(vault):
            for record in api.records.page(vault, case.id):
                api.records.show(vault, record.id)
            for file in api.intake.page(vault, case.id):
                api.intake.extract(vault, file.id, folder.parent / "extracted", Job())
        api.search.find(vault, "words")
        api.custody.page(vault, 100)
        api.contacts.page(vault)
        case = api.cases.add(vault, "another")
        api.records.add(vault, case.id, "note", {"text": "written"})
        return ",".join(sorted({one.code for one in api.checking.check(vault, [], Job()).report.findings}))
    finally:
        vault.close()


def attempt(work: Callable[[], str]) -> dict[str, str]:
    """Do this in a child; returns how it ended: `intact`, `refused`, `found`, `internal`, or `crash`."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        os.close(receive)
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        size = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        try:
            found = work()
            answer = {"end": "found" if found else "intact", "what": found}
        except VaultError as error:
            answer = {"end": "refused", "what": f"{type(error).__name__}: {error}"}
        except MemoryError:
            answer = {"end": "internal", "what": "MemoryError"}
        except Exception as error:  # noqa: BLE001 - counted, and told apart from a crash
            where = traceback.extract_tb(error.__traceback__)[-1]
            answer = {
                "end": "internal",
                "what": f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})",
            }
        os.write(send, json.dumps(answer).encode()[:60_000])
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as stream:
        answer = stream.read()
    status = os.waitpid(child, 0)[1]
    if not answer:
        name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else str(status)
        return {"end": "crash", "what": name}
    return json.loads(answer)


def main(folder: Path, kind: str, first: int, count: int) -> None:
    """Try so many cases of a kind, and print a line of JSON for each."""
    vault = make(folder / "template")
    key = keys.store_key(vault.keys.vault_key).reveal()
    whole = (folder / "template/vault.db").read_bytes()
    key_file = (folder / "template/vault.keys").read_bytes()
    pages = Pages(whole, bytes(key)) if kind == "inside" else None
    if pages:
        assert Pages(pages.encode(), bytes(key)).pages == pages.pages
    place = folder / "vault"
    for number in range(first, first + count):
        draw = random.Random(number)
        place.mkdir()
        (place / "vault.keys").write_bytes(key_file)
        store = place / "vault.db"
        name = str(number)
        if kind == "sql":
            name = list(SQL)[number]
            store.write_bytes(whole)
            rewritten(store, bytes(key), SQL[name])
        elif kind == "keys":
            store.write_bytes(whole)
            (place / "vault.keys").write_bytes(outside(key_file, draw))
        else:
            store.write_bytes(outside(whole, draw) if kind == "outside" else inside(pages, draw))
        answer = attempt(lambda: _unlocked(place) if kind == "keys" else walk(place, vault.keys))
        left = sorted({one.name for one in folder.iterdir()} - {"template", "vault", "extracted"})
        print(json.dumps({"number": number, "name": name, **answer, "left": left}), flush=True)
        shutil.rmtree(place)
        (folder / "extracted").unlink(missing_ok=True)


def _unlocked(place: Path) -> str:
    opened = api.setup.unlock(place, Secret(b"ocean mirror lantern velvet copper puzzle"))
    opened.close()
    return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
