"""What the second verifier must refuse, and at which step; and what looks odd and breaks no rule.

Each case changes a bundle at one layer; `forge` then makes all layers above it fit and signs them as a stranger.
"""

import base64
import hashlib
import json
from pathlib import Path

from tests.reference import forge, verifier
from tests.reference.forge import Forger, decoy, digest_of, disclosure, dump

GOLDEN = Path(__file__).parents[1] / "golden"
BUNDLES = json.loads((GOLDEN / "golden.json").read_text("utf-8"))


def container(name):
    return verifier.decrypt((GOLDEN / f"{name}.age").read_bytes(), BUNDLES[name]["identity"])


CONTAINER = container("restored")
FILES = verifier.read_container(CONTAINER)
RECIPIENT = BUNDLES["restored"]["recipient"]
OWN = hashlib.sha256(RECIPIENT.encode()).hexdigest()
ELSEWHERE = json.loads(verifier.read_container(container("x25519"))["data/custody/entries.json"])
LOG = json.loads(FILES["data/bundle.json"])["checkpoint"]
ORIGIN, ROOT, SIZE = LOG["origin"], LOG["root"], LOG["size"]
EMPTY_ROOT, SHORT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", base64.b64encode(bytes(31)).decode()
ZERO = base64.b64encode(bytes(32)).decode()

ABOUT, PAGE, CHECKPOINT, ENTRIES, EARLIER, CONTINUATION = verifier.LAYOUT[8:]
MANIFEST, TAGS, SIGNATURE = "manifest-sha256.txt", "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig"
CONTENT = next(path for path in FILES if path.startswith("data/attachments/"))


def payload_of(data):
    return json.loads(base64.urlsafe_b64decode(data.split(b".")[1] + b"=="))


ORIGINALS = {payload_of(data)["type"]: path for path, data in FILES.items() if path.endswith(".sd-jwt")}
TESTIMONY = ORIGINALS["testimony"]
COPY = TESTIMONY.replace("sd-jwt", "json")
NEW_ID = "0" * 32

# --- changes to files -------------------------------------------------------------------------------------------------


def put(path, content):
    return lambda f: f.files.__setitem__(path, content)


def drop(path):
    return lambda f: f.files.pop(path)


def move(old, new):
    return lambda f: f.files.__setitem__(new, f.files.pop(old))


def edit(path, new):
    return lambda f: f.files.__setitem__(path, new(f.files[path]))


def swap(path, old, new):
    """Other bytes in the place of the first of these."""

    def change(f):
        assert old in f.files[path]
        f.files[path] = f.files[path].replace(old, new, 1)

    return change


def unsigned(f):
    """What somebody without any key can do: alter a record and make all lists fit."""
    swap(TESTIMONY, b"~", b"~~")(f)
    f.relist()


def by_path(f):
    f.ordered = lambda: dict(sorted(f.files.items()))


def named(name):
    return lambda f: setattr(f, "name", name)


def sign_again(signer=None, message=None, **how):
    def change(f):
        tags = f.files[TAGS] if message is None else message
        f.files[SIGNATURE] = forge.sshsig(signer or f.signer, tags, **how)

    return change


def other_signature(data):
    """One character in the middle of what stands before the first `~` or at the end of the last line."""
    at = data.index(b"~") - 40 if b"~" in data else len(data) - 40
    return data[:at] + (b"B" if data[at : at + 1] == b"A" else b"A") + data[at + 1 :]


def one_line(data):
    first, *middle, last, end = data.split(b"\n")
    return b"\n".join([first, b"".join(middle), last, end])


# --- changes to the description ---------------------------------------------------------------------------------------


def about(part="", **changes):
    return lambda f: (f.about[part] if part else f.about).update(changes)


def content(**changes):
    return lambda f: f.about["contents"][0].update(changes)


def without(name, part=""):
    return lambda f: (f.about[part] if part else f.about).pop(name)


def to(*hashes, kind="x25519"):
    return about(recipient={"key_hashes": list(hashes), "kind": kind})


def no_size(f):
    """`false` for the size of an empty file: equal to 0 for Python, and for nobody else."""
    next(c for c in f.about["contents"] if c["size"] == 0)["size"] = False


# --- changes to a record ----------------------------------------------------------------------------------------------


def sd(change):
    """`change(payload, disclosures)`, then signed again."""
    return lambda f: f.sign_record(TESTIMONY, change)


def payload(**changes):
    return sd(lambda p, texts: p.update(changes))


def raw(change=lambda data: data, **how):
    """The payload as other bytes, or with another header; without disclosures."""
    return lambda f: f.put_record(TESTIMONY, change(dump(payload_of(f.files[TESTIMONY]))), [], **how)


def remove(disclosed, part):
    """One digest taken out, of a disclosure or a decoy."""

    def change(p, texts):
        digests, known = part(p)["_sd"], {digest_of(text) for text in texts}
        digests.remove(next(digest for digest in digests if (digest in known) == disclosed))

    return sd(change)


def new_record(fields, texts, meta=(), **changes):
    """A record whose fields and metadata hold these digests, with decoys up to a multiple of 8."""

    def fill(digests, start):
        missing = -len(digests) % 8 or 8 * (not digests)
        return sorted([*digests, *(decoy(start + number) for number in range(missing))])

    def change(f):
        made = {"_sd": fill(meta, 100), "_sd_alg": "sha-256", "fields": {"_sd": fill(fields, 200)}, "iss": f.issuer}
        made |= {"format": "evidence-record/1", "id": NEW_ID, "type": "note", "version": 1, **changes}
        f.put_record(f"data/records/{NEW_ID}.sd-jwt", made, sorted(texts, key=digest_of))

    return change


def fields(*texts, nested=()):
    return new_record([digest_of(text) for text in texts], [*texts, *nested])


def value(value, name="a"):
    return fields(disclosure(name, value))


def meta(*texts):
    return new_record([], texts, [digest_of(text) for text in texts])


def deep(containers):
    """A string inside so many objects: it lies one step deeper."""
    texts = [disclosure("x", "bottom")]
    for level in range(containers):
        digests = [digest_of(texts[-1]), *(decoy(level * 10 + number) for number in range(3))]
        texts.append(disclosure("x", {"_sd": sorted(digests)}))
    return new_record([digest_of(texts[-1])], texts)


def array(text, width=4):
    items = [{"...": digest} for digest in [digest_of(text), *(decoy(number) for number in range(width - 1))]]
    return fields(disclosure("list", items), nested=[text])


def reordered(f):
    jwt, *texts = f.files[TESTIMONY].decode().split("~")[:-1]
    f.files[TESTIMONY] = "~".join([jwt, *reversed(texts), ""]).encode()


TWICE = disclosure("a", 1)
FALSE_SIZE = [disclosure("sha256", forge.sha256(b"")), disclosure("size", False)]

# --- changes to the custody log ---------------------------------------------------------------------------------------


def log(size=SIZE, root=ROOT, origin=ORIGIN, **how):
    return lambda f: f.sign_checkpoint(origin, size, root, **how)


def no_log(root):
    def change(f):
        f.sign_checkpoint(ORIGIN, 0, root)
        f.entries = []

    return change


def entries(change):
    """`change(entries)` in place, or another list."""

    def inside(f):
        made = f.entries
        f.entries = change(made) or made

    return inside


def exchange(member):
    def change(made):
        made[0][member], made[1][member] = made[1][member], made[0][member]

    return entries(change)


def first(**changes):
    return entries(lambda made: made[0].update(changes))


def in_first(member, change):
    """`change(list)` of a member of the first entry."""
    return entries(lambda made: (change(made[0][member]), None)[1])


def event(*slots, **changes):
    """A log of one leaf with these slots, (name, value), at their places."""

    def change(f):
        places = list(verifier.FORMS)[-12:]
        leaf = {"_sd": [decoy(number) for number in range(12)], "_sd_alg": "sha-256", "epoch": "e0" * 16}
        texts = [disclosure(*slot) for slot in slots]
        for (name, _), text in zip(slots, texts, strict=True):
            leaf["_sd"][places.index(name) if name in places else 0] = digest_of(text)
        f.only_entry({**leaf, "format": "custody-entry/1", "number": 0, **changes}, texts)

    return change


def both(*changes):
    def change(f):
        for one in changes:
            one(f)

    return change


def leaf_hash(f):
    return hashlib.sha256(b"\0" + f.entries[0]["entry"].encode()).digest()


def proof(size, root, *hashes):
    """A log of which one leaf is known, number 0: `root(its hash)`, and the proof that goes with it."""

    def change(f):
        event()(f)
        f.sign_checkpoint(ORIGIN, size, base64.b64encode(root(leaf_hash(f))).decode())
        f.entries = [{**f.entries[0], "proof": [base64.b64encode(one).decode() for one in hashes]}]

    return change


def earlier(origin=None, size=None, root=None):
    """Another earlier checkpoint, signed as it should be."""

    def change(f):
        lines = f.files[EARLIER].decode().split("\n")
        f.files[EARLIER] = f.note(origin or lines[0], lines[1] if size is None else size, root or lines[2])

    return change


def continuation(change):
    """`change(lines)` of what stands before the checkpoint, in place."""

    def inside(data):
        head, _, note = data.partition(b"\n\n")
        lines = head.decode().split("\n")
        change(lines)
        return "\n".join(lines).encode() + b"\n\n" + note

    return edit(CONTINUATION, inside)


def continued(path, size=SIZE, root=ROOT):
    """A continuation from a checkpoint with the same epoch as the newer one."""

    def change(f):
        f.files[EARLIER] = f.note(ORIGIN, size, root)
        f.files[CONTINUATION] = "\n".join([f"old {size}", *path, "", ""]).encode() + f.files[CHECKPOINT]

    return change


def no_old(lines):
    lines[0] = "old 0"


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def number_of(entry):
    return json.loads(entry["entry"])["number"]


MIXED = sorted([*json.loads(FILES[ENTRIES]), *ELSEWHERE], key=number_of)
DIGESTS = [decoy(number) for number in range(12)]

# (layer, step at which it is refused): changes by name
REFUSED = {
    ("signed", "layout"): {
        "removed tag file": drop("VERIFY.txt"),
        "added tag file": put("tagmanifest-sha512.txt", b""),
        "wrong order of files": by_path,
        "a page above the limit": put(PAGE, bytes(2**25 + 1)),
    },
    ("described", "layout"): {"added file": put("data/extra.txt", b""), "fetch.txt": put("fetch.txt", b"")},
    ("inside", "layout"): {
        "extension in capitals": move(CONTENT, CONTENT[:49] + ".BIN"),
        "extension of 9 characters": move(CONTENT, CONTENT[:49] + ".abcdefghi"),
        "content that a file manager would follow": move(CONTENT, CONTENT[:49] + ".lnk"),
        "content that a file manager would run": move(CONTENT, CONTENT[:49] + ".website"),
        "record under no id": put("data/records/x.sd-jwt", b""),
    },
    ("signed", "manifests"): {
        "removed attachment": drop(CONTENT),
        "removed record": drop(TESTIMONY),
        "altered record": swap(TESTIMONY, b"~", b"~~"),
        "flipped byte of an attachment": edit(CONTENT, lambda data: data + b"x"),
    },
    ("listed", "manifests"): {"another declaration": swap("bagit.txt", b"1.0", b"0.97")},
    ("manifests", "manifests"): {
        "line missing": edit(MANIFEST, lambda data: data[data.index(b"\n") + 1 :]),
        "one blank": swap(MANIFEST, b"  data", b" data"),
        "no line feed at the end": edit(MANIFEST, lambda data: data[:-1]),
        "capitals": edit(TAGS, bytes.upper),
        "payload among the tag files": edit(TAGS, lambda data: data + data[:64] + b"  data/bundle.json\n"),
    },
    ("signed", "signature"): {
        "altered record, lists fixed, not signed": unsigned,
        "signature by another key": sign_again(forge.Signer(bytes(32))),
        "signature of something else": sign_again(message=b""),
        "signature in another namespace": sign_again(namespace=b"file"),
        "signature of a newer version": sign_again(version=2),
        "signature in one line": edit(SIGNATURE, one_line),
        "signature with CRLF": edit(SIGNATURE, lambda data: data.replace(b"\n", b"\r\n")),
    },
    ("listed", "signature"): {
        "signer.pem of another key": put("signer.pem", FILES["signer.pem"]),
        "signer.pem with CRLF": edit("signer.pem", lambda data: data.replace(b"\n", b"\r\n")),
        "signers with another key": put("signers", FILES["signers"]),
    },
    ("described", "signature"): {"a name not allowed": named("-x"), "a name of 65 characters": named("x" * 65)},
    ("inside", "description"): {
        "another fingerprint": about("sender", fingerprint="0" * 40),
        "another signing key": about("sender", signing_key="ssh-ed25519 AAAA"),
        "a further member": about(note="x"),
        "a newer version": about(format="evidence-bundle/2"),
        "id in capitals": about(bundle_id="A" * 32),
        "case that is no id": about(case="1"),
        "epoch that is no id": about(epoch=""),
        "previous that is no id": about(previous="none"),
        "purpose of 4001 characters": about(purpose="我" * 4001),
        "purpose that is no text": about(purpose=None),
        "number 0": about(number=0),
        "number that is true": about(number=True),
        "number of 2^53": about(number=2**53),
        "number with a fraction": about(number=1.5),
        "30 February": about(sealed_at="2026-02-30T21:27:15Z"),
        "second 60": about(sealed_at="2026-06-30T23:59:60Z"),
        "another form of time": about(sealed_at="2026-11-20T21:27:15+00:00"),
        "software that is not ASCII": about(software="évault"),
        "software of no characters": about(software=""),
        "recipient of no kind": about(recipient={"key_hashes": [OWN]}),
        "kind unknown": to(OWN, kind="scrypt"),
        "no key hash": to(),
        "hash beside a passphrase": to(OWN, kind="passphrase"),
        "hashes out of order": to("f" * 64, OWN),
        "a hash twice": to(OWN, OWN),
        "a hash in capitals": to(*sorted(["A" * 64, OWN])),
        "17 hashes": to(*sorted([OWN, *(f"{number:064x}" for number in range(16))])),
        "recipient that is a list": about(recipient=["key_hashes", "kind"]),
        "checkpoint that is a list": about(checkpoint=["origin", "root", "size"]),
        "recipient with a name": about("recipient", name="x"),
        "checkpoint without a size": without("size", "checkpoint"),
        "checkpoint of another origin": log(origin="log/x"),
        "no entries, and a root of 31 bytes": both(log(root=SHORT), entries(lambda made: made.clear())),
        "checkpoint with a fourth line": log(root=ROOT + "\nextension"),
        "checkpoint with a root of 31 bytes": log(root=SHORT),
        "empty log with a root": no_log(ROOT),
        "true for the size 1": both(event(), about("checkpoint", size=True)),
        "nothing but text": lambda f: setattr(f, "about", {"purpose": "x"}),
    },
    ("described", "description"): {
        "a member less": without("software"),
        "another size of a file": content(size=1),
        "another digest of a file": content(sha256=OWN),
        "false for the size 0": no_size,
        "a file less": lambda f: f.about["contents"].pop(),
        "files out of order": lambda f: f.about["contents"].reverse(),
    },
    ("listed", "description"): {
        "another bundle id in bag-info": swap("bag-info.txt", b"Identifier: ", b"Identifier: 0"),
        "another sum in bag-info": swap("bag-info.txt", b"Oxum: ", b"Oxum: 1"),
        "a date in bag-info": edit("bag-info.txt", lambda data: data + b"Bagging-Date: 2026-11-20\n"),
        "white space": swap(ABOUT, b'":', b'": '),
        "too many parts": put(ABOUT, b"[" + b"[]," * 20_000 + b"[]]"),
        "a list of the members": edit(ABOUT, lambda data: dump(list(json.loads(data)))),
        "no JSON": put(ABOUT, b"\xff"),
    },
    ("inside", "recipient"): {
        "made for somebody else": to("0" * 64),
        "made for a passphrase": to(kind="passphrase"),
    },
    ("inside", "records"): {
        "signed by another": put(TESTIMONY, FILES[TESTIMONY]),
        "another signature": edit(TESTIMONY, other_signature),
        "another issuer": payload(iss="SHA256:" + "A" * 43),
        "another algorithm of digests": payload(_sd_alg="sha-512"),
        "a newer record": payload(format="evidence-record/2"),
        "version 0": payload(version=0),
        "version 2^31": payload(version=2**31),
        "version true": payload(version=True),
        "type in capitals": payload(type="Testimony"),
        "type with a line feed": payload(type="testimony\n"),
        "id of another record": payload(id=NEW_ID),
        "id of another form": payload(id="x"),
        "a payload that is a list": raw(lambda data: dump(list(json.loads(data)))),
        "a list for the fields": payload(fields=["_sd"]),
        "a further member of the payload": payload(note=1),
        "fields with another member": sd(lambda p, texts: p["fields"].update(x=1)),
        "a digest withdrawn": remove(True, lambda p: p["fields"]),
        "seven digests": remove(False, lambda p: p),
        "no digests": raw(lambda data: dump({**json.loads(data), "_sd": []})),
        "digests out of order": sd(lambda p, texts: p["_sd"].reverse()),
        "a digest twice": sd(lambda p, texts: p["_sd"].__setitem__(1, p["_sd"][0])),
        "a digest in two places": new_record([digest_of(TWICE)], [TWICE], [digest_of(TWICE)]),
        "a digest in another spelling": sd(lambda p, texts: p["_sd"].__setitem__(-1, "z" * 43)),
        "a digest of 33 bytes": sd(lambda p, texts: p["_sd"].__setitem__(-1, "z" * 44)),
        "a disclosure that belongs nowhere": sd(lambda p, texts: texts.append(TWICE)),
        "a disclosure twice": sd(lambda p, texts: texts.append(texts[0])),
        "a disclosure altered": sd(lambda p, texts: texts.__setitem__(0, texts[0][:-4] + "AAAA")),
        "disclosures out of order": reordered,
        "white space in the payload": raw(lambda data: data.replace(b":", b": ")),
        "another header": raw(header={"alg": "none", "typ": "evidence-record+sd-jwt"}),
        "a line feed at the end": edit(TESTIMONY, lambda data: data + b"\n"),
        "no end mark": edit(TESTIMONY, lambda data: data[:-1]),
        "two dots more": swap(TESTIMONY, b".", b"..."),
        "a character that is not ASCII": edit(TESTIMONY, lambda data: b"\xc3" + data),
        "a name twice": fields(disclosure("a", 1), disclosure("a", 2)),
        "a name twice in the metadata": meta(disclosure("a", 1), disclosure("a", 2)),
        "a member without a name": fields(disclosure(1)),
        "a disclosure of four": fields(disclosure("a", 1, 2)),
        "a disclosure of one": fields(disclosure()),
        "a disclosure that is a number": fields(forge.b64(b"1")),
        "a disclosure that is no list": fields(forge.b64(b'{"a":1}')),
        "a salt of 15 bytes": fields(disclosure("a", 1, salt=forge.b64(bytes(15)))),
        "a salt that is a number": fields(disclosure("a", 1, salt=7)),
        "an empty name": value(1, ""),
        "a name of 257 characters": value(1, "我" * 257),
        "a reserved name": value(1, "_sd"),
        "a name that is a number": value(1, 1),
        "metadata with a name of the payload": meta(disclosure("version", 2)),
        "metadata with a capital": meta(disclosure("Origin", 2)),
        "a fraction": value(1.0),
        "an integer of 2^53": value(2**53),
        "a plain object": value({"b": 1}),
        "an empty object": value({"_sd": []}),
        "an empty array": value([]),
        "an array of values": value([1, 2, 3, 4]),
        "an array of five": array(disclosure("x"), width=5),
        "an element with a name": array(disclosure("a", "x")),
        "a container at depth 8": deep(8),
        "fewer parts than disclosures": meta(disclosure("parts", 1), disclosure("a", 1)),
        "parts that are no number": meta(disclosure("parts", "1")),
        "parts that are true": meta(disclosure("parts", True)),
        "copy without its original": put(f"data/records/{NEW_ID}.json", b"{}"),
    },
    ("inside", "attachments"): {
        "a file without a record": put(f"data/attachments/{NEW_ID}.bin", b"x"),
        "a file of a testimony": put(f"data/attachments/{TESTIMONY[13:45]}.txt", b"x"),
        "two contents of one id": put(CONTENT[:49] + ".xyz", FILES[CONTENT]),
        "another content": edit(CONTENT, lambda data: data + b"x"),
        "false for the size 0": both(
            new_record(list(map(digest_of, FALSE_SIZE)), FALSE_SIZE, type="attachment"),
            put(f"data/attachments/{NEW_ID}.bin", b""),
        ),
        "a content of another size": put(CONTENT, FILES[CONTENT][:-1] or b"x"),
    },
    ("inside", "custody"): {
        "checkpoint of another signer": put(CHECKPOINT, FILES[CHECKPOINT]),
        "checkpoint with another signature": edit(CHECKPOINT, other_signature),
        "checkpoint under another name": log(name="somebody"),
        "checkpoint with a zero in front": both(log(f"0{SIZE}"), about("checkpoint", size=SIZE)),
        "checkpoint with text for the empty line": edit(CHECKPOINT, lambda data: data.replace(b"\n\n", b"\nx\n")),
        "checkpoint with more behind the end": edit(CHECKPOINT, lambda data: data + b"x"),
        "a proof that ends early": proof(2, lambda leaf: leaf),
        "a proof that goes on above the root": proof(1, lambda leaf: node(bytes(32), leaf), bytes(32)),
        "a proof with a hash of 31 bytes that fits": proof(2, lambda leaf: node(leaf, bytes(31)), bytes(31)),
        "checkpoint of 2^53 entries": both(log(2**53), about("checkpoint", size=SIZE)),
        "checkpoint with two signatures": edit(CHECKPOINT, lambda data: data + "— x QUFBQUFBQUE=\n".encode()),
        "checkpoint with another key id": edit(CHECKPOINT, lambda data: data[:-93] + b"AAAA" + data[-89:]),
        "checkpoint without an end": edit(CHECKPOINT, lambda data: data[:-1]),
        "checkpoint that is no UTF-8": edit(CHECKPOINT, lambda data: data.replace("—".encode(), b"\xff")),
        "an earlier checkpoint without a proof": drop(CONTINUATION),
        "a continuation without the earlier checkpoint": drop(EARLIER),
        "earlier checkpoint of another signer": put(EARLIER, FILES[EARLIER]),
        "earlier checkpoint with another signature": edit(EARLIER, other_signature),
        "earlier checkpoint of another log": earlier("evidence-vault/" + "0" * 32 + ORIGIN[47:]),
        "earlier checkpoint of another size": earlier(size=1),
        "earlier checkpoint with another root": earlier(root=ROOT),
        "earlier checkpoint of no entries": both(earlier(size=0, root=EMPTY_ROOT), continuation(no_old)),
        "earlier checkpoint of more entries": continued([], SIZE + 1),
        "earlier checkpoint of as many entries and another root": continued([], root=ZERO),
        "earlier checkpoint that is the same, with a proof": continued([ROOT]),
        "continuation of another size": continuation(lambda lines: lines.__setitem__(0, "old 1")),
        "continuation with a zero in front": continuation(
            lambda lines: lines.__setitem__(0, lines[0][:4] + "0" + lines[0][4:])
        ),
        "continuation with a hash more": continuation(lambda lines: lines.append(ROOT)),
        "continuation with a hash less": continuation(list.pop),
        "continuation without hashes": continuation(lambda lines: lines.__delitem__(slice(1, None))),
        "continuation with hashes in another order": continuation(lambda lines: lines.append(lines.pop(1))),
        "continuation with a hash of 31 bytes": continuation(lambda lines: lines.__setitem__(1, SHORT)),
        "continuation with a hash in another spelling": continuation(
            lambda lines: lines.__setitem__(1, lines[1][:-2] + "B=")
        ),
        "continuation to another checkpoint": edit(
            CONTINUATION, lambda data: data.partition(b"\n\n")[0] + b"\n\n" + FILES[CHECKPOINT]
        ),
        "continuation with CRLF": edit(CONTINUATION, lambda data: data.replace(b"\n", b"\r\n")),
        "continuation with more behind the end": edit(CONTINUATION, lambda data: data + b"\n"),
        "swapped custody proofs": exchange("proof"),
        "swapped leaves": exchange("entry"),
        "disclosures of another entry": exchange("disclosures"),
        "entries out of order": entries(lambda made: made[::-1]),
        "an entry twice": entries(lambda made: [made[0], *made]),
        "an entry from another log": entries(lambda made: MIXED),
        "a proof with a hash more": in_first("proof", lambda proof: proof.append(ROOT)),
        "a proof with a hash less": in_first("proof", lambda proof: proof.pop()),
        "a proof with a hash of 31 bytes": in_first("proof", lambda proof: proof.__setitem__(0, SHORT)),
        "a proof that is no list": first(proof={}),
        "a proof as names of members": both(proof(2, lambda leaf: node(leaf, bytes(32))), first(proof={ZERO: ""})),
        "a further member of an entry": first(note=""),
        "a leaf that is no text": first(entry=1),
        "disclosures that are no list": first(disclosures={}),
        "disclosures in another order": in_first("disclosures", lambda texts: texts.reverse()),
        "a disclosure twice in an entry": in_first("disclosures", lambda texts: texts.insert(0, texts[0])),
        "a disclosure that the leaf lacks": first(disclosures=[disclosure("type", "capture")]),
        "a disclosure without a slot": first(disclosures=[disclosure("type")]),
        "entries that are no list": put(ENTRIES, b"{}"),
        "an entry that is a list": put(ENTRIES, dump([["disclosures", "entry", "proof"]])),
        "an entry that is no object": put(ENTRIES, b"[[]]"),
        "entries nested too deeply": put(ENTRIES, b"[" * 33 + b"]" * 33),
        "entries with white space": swap(ENTRIES, b'":', b'": '),
        "entries of too many parts": put(ENTRIES, b"[" + b"[]," * 20_000 + b"[]]"),
        "number of another leaf": event(number=1),
        "number below 0": event(number=-1),
        "number false": event(number=False),
        "leaf of a newer version": event(format="custody-entry/2"),
        "leaf of another algorithm": event(_sd_alg="sha-512"),
        "leaf of no epoch": event(epoch="E" * 32),
        "leaf with a further member": event(note=""),
        "leaf that is a list": lambda f: f.only_entry(dump(["_sd", "_sd_alg", "epoch", "format", "number"]), []),
        "leaf with members for digests": event(_sd=dict.fromkeys(DIGESTS, "")),
        "leaf of 11 digests": event(_sd=DIGESTS[1:]),
        "leaf with a digest twice": event(_sd=[*DIGESTS[:11], DIGESTS[0]]),
        "leaf with a short digest": event(_sd=[*DIGESTS[:11], "AAAA"]),
        "leaf with a number for a digest": event(_sd=[*DIGESTS[:11], 1]),
        "leaf with white space": lambda f: f.only_entry(b'{"_sd": []}', []),
        "slot unknown": event(("place", {"class": ""})),
        "type empty": event(("type", "")),
        "type no text": event(("type", 1)),
        "time of another form": event(("time", {"clock": "", "utc": "2026-11-20 21:27:15"})),
        "time without a clock": event(("time", {"utc": "2026-11-20T21:27:15Z"})),
        "month 20": event(("time", {"clock": "", "utc": "2026-20-20T21:27:15Z"})),
        "outcome unknown": event(("outcome", {"result": "maybe"})),
        "a further member of a slot": event(("agent", {"key": "", "name": "", "role": ""})),
        "a number in a slot": event(("agent", {"key": 1, "role": ""})),
        "a slot without members": event(("digests", {})),
        "a list for the members of a slot": event(("agent", ["key", "role"])),
        "a text for the members of a slot": event(("location", "class")),
        "a slot of 8 MiB": event(("related", ["x" * 6_300_000])),
        "related to a text": event(("related", "x")),
        "related to nothing": event(("related", [])),
        "related to a number": event(("related", [1])),
        "slots out of order": event(("type", "capture"), ("object", {"id": "", "kind": ""})),
        "a slot at another place": event(("object", {"id": "", "kind": ""}), _sd=[*DIGESTS[1:], DIGESTS[0]]),
    },
    ("described", "custody"): {
        "checkpoint of another size described": about("checkpoint", size=SIZE - 1),
        "checkpoint of another root described": about("checkpoint", root=EMPTY_ROOT),
    },
    ("copies", "copies"): {
        "original without its copy": drop(COPY),
        "a lying copy": swap(COPY, b"zh-Hans", b"zh-Hant"),
        "a copy that says too little": swap(COPY, b'"withheld":true', b'"withheld":false'),
        "a lying page": swap(PAGE, "甲".encode(), "乙".encode()),
    },
    ("listed", "copies"): {
        "other instructions": swap("VERIFY.txt", b"openssl", b"libressl"),
        "instructions with another name": swap("VERIFY.txt", b"-I sender", b"-I somebody"),
    },
}

ALL_SLOTS = [
    ("object", {"id": "", "kind": "planet"}),
    ("type", "x"),
    ("time", {"clock": "", "utc": "2026-19-39T29:59:69Z"}),
    ("agent", {"key": "", "role": ""}),
    ("software", {"name": "", "version": ""}),
    ("purpose", {"why": ""}),
    ("location", {"class": ""}),
    ("transfer", {"from": ""}),
    ("digests", {"before": "x"}),
    ("outcome", {"detail": "", "result": "intent"}),
    ("change", {"justification": "", "what": ""}),
    ("related", [""]),
]
UNSHOWN = "\0\t\n\r\x7f\x85\u202e\u2069\ufeff\ufffa\U000e0041<&>\"'"
STRANGE = {"律": None, "\ufb33": True, "😀": -(2**53) + 1, "a.b": "\0\x7f\u2028", "<b>": False}

ACCEPTED = {
    "described": {"a name in signers": named("Z9._@-"), "a name of 64 characters": named("x" * 64)},
    "inside": {
        "nothing changed": lambda f: None,
        "16 hashes": to(*sorted([OWN, *(f"{number:064x}" for number in range(15))])),
        "no purpose": about(purpose=""),
        "purpose of 4000 characters": about(purpose="我" * 4000),
        "purpose with what is not shown": about(purpose=UNSHOWN),
        "another epoch": about(epoch="0" * 32),
        "all parts disclosed": meta(disclosure("parts", 2), disclosure("a", 1)),
        "more parts than disclosures": meta(disclosure("parts", 3), disclosure("a", 1)),
        "a value at depth 8": deep(7),
        "an array with decoys": array(disclosure("x")),
        "a name of 256 characters": value(1, "我" * 256),
        "names and values of all kinds": fields(*(disclosure(name, what) for name, what in STRANGE.items())),
        "a language of four parts": value("zh-Hans-CN-x1", "language"),
        "a language of five parts": value("zh-aa-bb-cc-dd", "language"),
        "a language that is markup": value('en"><b>', "language"),
        "a language that is a list": array(disclosure("zh")),
        "an attachment's record without the content": drop(CONTENT),
        "an empty log": no_log(EMPTY_ROOT),
        "a proof in a log of two": proof(2, lambda leaf: node(leaf, bytes(32)), bytes(32)),
        "no entries": entries(lambda made: made.clear()),
        "no earlier checkpoint": both(drop(EARLIER), drop(CONTINUATION)),
        "an earlier checkpoint that is the same": continued([]),
        "an entry that tells nothing": event(),
        "an entry that tells all": event(*ALL_SLOTS),
    },
}


def build(forger: Forger, stage: str = "", change=lambda forger: None) -> bytes:
    """The container that the forger signs, changed at one layer."""
    steps = {"inside": forger.copies, "copies": forger.describe, "described": forger.list_files}
    for name, step in {**steps, "listed": forger.relist, "manifests": forger.sign}.items():
        if name == stage:
            change(forger)
            if name == "described":
                forger.files[ABOUT] = dump(forger.about)
        step()
    if stage == "signed":
        change(forger)
    return forge.pack(forger.ordered())
