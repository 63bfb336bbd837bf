"""Own card and identity, and the address book. A changed key for a known contact is never accepted silently."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from vault import files, verdicts
from vault.bundle.manifest import MAX_KEYS
from vault.crypto.hashes import sha256
from vault.crypto.randomness import new_id
from vault.errors import AlreadyExistsError, IntegrityError, NotFoundError, RefusedError
from vault.formats import fingerprint, ssh_keys
from vault.formats.age import parse_recipient
from vault.formats.contact_card import ContactCard, read_card
from vault.model import Contact, CustodyEvent, format_time
from vault.open_vault import OpenVault, Transaction
from vault.store import contacts
from vault.store.contacts import StoredContact

MAX_NAME: Final = 200
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")
_JOINERS: Final = frozenset("\u200c\u200d\u180b\u180c\u180d\u180f")
"""Scripts such as Uyghur, Tibetan and Mongolian need them; they do not tell one name from another."""
_BLANK: Final = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Marks and letters that show nothing: Default_Ignorable_Code_Point of Unicode 15, without the categories above and the
joiners; and the empty pattern of Braille."""


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """What others may know of this vault: fingerprint in digits, words and ssh's form, age recipients, ssh key line."""

    fingerprint: str
    words: str
    ssh_fingerprint: str
    recipient: str
    x25519_recipient: str
    ssh_public_key: str


def own(vault: OpenVault) -> OwnIdentity:
    """Return the public side of this vault's identity."""
    who = vault.identity
    hashed = fingerprint.hash_of_key(who.public_key)
    return OwnIdentity(
        who.fingerprint, fingerprint.words_of(hashed), fingerprint.openssh_of(hashed),
        who.hybrid.recipient.text, who.x25519.recipient.text,
        ssh_keys.encode_public_key(who.public_key).strip(),
    )  # fmt: skip


def card(vault: OpenVault, name: str, expires_at: datetime | None = None) -> str:
    """Return this vault's self-signed contact card.

    Raises:
        FormatError: A name that cannot be on a card.
    """
    who = vault.identity
    recipients = (who.hybrid.recipient.text, who.x25519.recipient.text)
    return ContactCard(name, who.public_key, recipients, vault.clock(), expires_at).sign(who.sign)


def write_card(vault: OpenVault, name: str, target: Path) -> None:
    """Write this vault's self-signed contact card, which is no secret, into a new file.

    Raises:
        FormatError: A name that cannot be on a card.
        RefusedError: The file would lie inside the vault.
        AlreadyExistsError, StorageError: It cannot be made.
    """
    vault.refuse_inside(target, "The card")
    files.write_new(target, card(vault, name).encode(), "the contact card")


def export_identity(vault: OpenVault, kind: str, target: Path) -> None:
    """Write an age identity, a secret key in clear, into a new file, and enter that it left the vault.

    Args:
        vault: The open vault.
        kind: ``x25519`` or ``hybrid``; one to a file, because some versions of age refuse files with unknown kinds.
        target: The new file.

    Raises:
        RefusedError: An unknown kind.
        AlreadyExistsError, StorageError: The file cannot be made.
    """
    if kind not in ("x25519", "hybrid"):
        raise RefusedError("There is no identity of that type.", "Use x25519 or hybrid.")
    identity = vault.identity.x25519 if kind == "x25519" else vault.identity.hybrid
    text = identity.text if isinstance(identity.text, str) else identity.text.reveal().decode()
    event = CustodyEvent("replication", vault.identity.log_id, "vault", why=f"the {kind} identity was written out",
                         location="outside the vault, in clear")  # fmt: skip
    vault.write_out(target, "the identity file", event, lambda: text.encode() + b"\n", secret=True)


def fingerprint_of(contact: StoredContact) -> str:
    """Return the fingerprint in digits; comparing it establishes everything that the contact is made of.

    A card is signed, so the fingerprint of its signing key covers the recipients in it. Without a card it is the
    SHA-256 of the recipient string; of several strings and an ssh key line, in this order, each with a line feed.
    """
    return fingerprint.digits_of(_hash(contact))


def _hash(contact: StoredContact) -> bytes:
    if contact.card:
        return fingerprint.hash_of_key(contact.signing_key)
    parts = _parts(contact)
    if len(parts) == 1:
        return fingerprint.hash_of_recipient(parts[0])
    return sha256("".join(f"{part}\n" for part in parts).encode())


def _parts(contact: StoredContact | Contact) -> tuple[str, ...]:
    key = (ssh_keys.encode_public_key(contact.signing_key),) if contact.signing_key else ()
    return (*contact.recipients, *key)


def compared_by_hand(contact: Contact) -> tuple[tuple[str, ...], str]:
    """Return what a contact without a card hashes with stock tools, and what comes out; nothing for one with a card.

    One text is hashed as it is; several are, each with a line feed at its end.
    """
    if contact.ssh_fingerprint:
        return (), ""
    parts = _parts(contact)
    hashed = "".join(f"{part}\n" for part in parts) if len(parts) > 1 else parts[0]
    return parts, sha256(hashed.encode()).hex()


def public(contact: StoredContact) -> Contact:
    """Return a stored contact as the model's noun."""
    ssh = fingerprint.openssh_of(_hash(contact)) if contact.card else ""
    return replace(contact.public(fingerprint_of(contact)), ssh_fingerprint=ssh)


def add_card(vault: OpenVault, note: str, name: str = "") -> Contact:
    """Add a contact from its card, or renew a known one; it is unverified until the fingerprints were compared.

    A card renewed by the same key is signed by it, so what was compared still holds; the name that was chosen before
    stays, unless another one is given.

    Raises:
        FormatError, IntegrityError: The card is malformed, or not signed by the key in it.
        AlreadyExistsError: The name, or nearly that name, is taken by somebody with another key.
        RefusedError: The card has expired, or a name that cannot be shown.
    """
    found = read_card(note)
    if found.is_expired(vault.clock()):
        raise RefusedError("This contact card has expired.", "Ask for a new one.")
    return _put(vault, StoredContact(
        new_id(), _name(name or found.name), found.recipients, found.signing_key, False, found.expires_at, note
    ), renamed=bool(name))  # fmt: skip


def add(vault: OpenVault, name: str, recipients: tuple[str, ...], ssh_key: str = "") -> Contact:
    """Add a contact who does not run this program: age recipient strings and perhaps an ssh public key line.

    Raises:
        FormatError: A recipient or key that is none.
        AlreadyExistsError: The name, or nearly that name, is taken, or the ssh key is that of a known contact.
        RefusedError: No recipient, too many of them, no name, or one that cannot be shown.
    """
    unique = tuple(dict.fromkeys(recipients))
    if not 1 <= len(unique) <= MAX_KEYS:
        raise RefusedError(f"A contact needs 1 to {MAX_KEYS} recipients.", "Give them with --recipient.")
    for text in unique:
        parse_recipient(text)
    key = ssh_keys.decode_public_key(ssh_key.strip())[0] if ssh_key.strip() else b""
    ordered = tuple(sorted(unique, key=lambda text: not text.startswith("age1pq1")))
    return _put(vault, StoredContact(new_id(), _name(name), ordered, key, False, None, ""))


def _name(text: str) -> str:
    """Return a name that a list can show on one line.

    Raises:
        RefusedError: Empty, longer than 200 characters, or with controls or characters that nobody sees.
    """
    if not text.strip() or len(text) > MAX_NAME:
        raise RefusedError(f"A contact needs a name of 1 to {MAX_NAME} characters.", "Give one with --name.")
    hidden = (unicodedata.category(character) in _HIDDEN and character not in _JOINERS for character in text)
    if any(hidden) or _BLANK.search(text):
        raise RefusedError("The name holds characters that cannot be seen.", "Give another name with --name.")
    return text


def _looks(name: str) -> str:
    """Return what a person tells names apart by: letters without case, width, joiners and what shows nothing."""
    plain = _BLANK.sub("", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(character for character in plain if character not in _JOINERS).split())


def _put(vault: OpenVault, fresh: StoredContact, *, renamed: bool = False) -> Contact:
    if fresh.signing_key == vault.identity.public_key:
        raise RefusedError("This is this vault's own card.", "Add the card of somebody else.")
    return vault.atomic(lambda transaction: _enter(transaction, fresh, renamed=renamed))


def _enter(transaction: Transaction, fresh: StoredContact, *, renamed: bool) -> Contact:
    connection = transaction.connection
    by_key = contacts.by_key(connection, fresh.signing_key) if fresh.signing_key else None
    alike = _alike(transaction, fresh.name)
    if by_key is None and fresh.card and alike is not None and alike.signing_key == fresh.signing_key:
        by_key = alike
    if alike is not None and replace(fresh, id=alike.id, verified=alike.verified) == alike:
        return public(alike)
    if alike is not None and not fresh.card and set(fresh.recipients) <= set(alike.recipients):
        if fresh.signing_key in (b"", alike.signing_key):
            return public(alike)
        raise AlreadyExistsError(
            "This contact is known with another ssh key or without one; it was not changed.",
            "If the key is right, remove the contact, add it anew and compare the fingerprint again.",
        )
    if alike is not None and (by_key is None or by_key.id != alike.id):
        raise AlreadyExistsError(
            "A contact of that name, or of one that looks the same, has another key; it was not changed.",
            "Ask the person by another way. If the key really changed, add the new one under another name.",
        )
    kept, event, before, change = fresh, "creation", {}, {}
    if by_key is not None:
        if not fresh.card:
            raise AlreadyExistsError(
                "A contact with this ssh key is known already; it was not changed.",
                "Ask for a contact card, or add the new recipients without the ssh key under another name.",
            )
        if read_issue_time(by_key.card) > read_issue_time(fresh.card):
            # Issued later as its clock had it: whether that clock was right, only the person can say.
            raise RefusedError(
                "A newer card of this contact is known already.",
                "If the key is right, remove the contact, add it anew and compare the fingerprint again.",
            )
        name = fresh.name if renamed else by_key.name
        # Without a card before, an ssh key was named by whoever gave the recipients, but not shown to be theirs.
        kept = replace(fresh, id=by_key.id, name=name, verified=by_key.verified and bool(by_key.card))
        event, before = "modification", {"before": contacts.state_digest(by_key)}
        change = _change(by_key, kept, "newer card of the same key")
    contacts.put(connection, kept)
    digests = before | {"after": contacts.state_digest(kept)}
    transaction.record(CustodyEvent(event, kept.id, "contact", why="contact card", digests=digests, change=change))
    return public(kept)


def _change(before: StoredContact, after: StoredContact, why: str) -> dict[str, str]:
    """Return the slot of a change: the names of the members that differ, never their values."""
    names = [one.name for one in dataclasses.fields(after) if getattr(before, one.name) != getattr(after, one.name)]
    return {"what": ", ".join(names), "justification": why} if names else {}


def _alike(transaction: Transaction, name: str) -> StoredContact | None:
    """Return the contact whose name is, or looks like, this one."""
    known = contacts.page(transaction.connection)
    return next((one for one in known if _looks(one.name) == _looks(name)), None)


def rename(vault: OpenVault, name: str, new: str) -> Contact:
    """Call a contact by another name; its keys, and whether it is verified, stay.

    Raises:
        NotFoundError: There is no such contact.
        AlreadyExistsError: The new name, or nearly that name, is somebody else's.
        RefusedError: A name that cannot be shown.
    """
    chosen = _name(new)

    def work(transaction: Transaction) -> Contact:
        known = contacts.get(transaction.connection, name)
        alike = _alike(transaction, chosen)
        if alike is not None and alike.id != known.id:
            raise AlreadyExistsError(
                "Another contact has that name, or one that looks the same.",
                "Choose another name; nothing was changed.",
            )
        kept = replace(known, name=chosen)
        contacts.put(transaction.connection, kept)
        digests = {"before": contacts.state_digest(known), "after": contacts.state_digest(kept)}
        change = _change(known, kept, "renamed")
        transaction.record(
            CustodyEvent("modification", known.id, "contact", why="renamed", digests=digests, change=change)
        )
        return public(kept)

    return vault.atomic(work)


def remove(vault: OpenVault, name: str, why: str = "") -> None:
    """Take a contact out of the address book; what was sealed to it or received from it stays in the log.

    Bundles are numbered by keys: if the same ones are added again, theirs go on.

    Raises:
        NotFoundError: There is no such contact.
    """

    def work(transaction: Transaction) -> None:
        known = contacts.get(transaction.connection, name)
        contacts.remove(transaction.connection, known)
        digests = {"before": contacts.state_digest(known)}
        transaction.record(CustodyEvent("deletion", known.id, "contact", why=why, digests=digests))

    vault.atomic(work)


def read_issue_time(note: str) -> str:
    """Return when a stored card says it was issued, or an empty string without a card."""
    return format_time(read_card(note).issued_at) if note else ""


def page(vault: OpenVault) -> list[Contact]:
    """Return all contacts by name."""
    return [public(contact) for contact in vault.read(contacts.page)]


def verify(vault: OpenVault, name: str, claimed: str) -> tuple[Contact, int]:
    """Mark a contact as verified, if the fingerprint that was told over another channel is its own.

    What was received from this contact's key before, and was `intact` for want of this comparison, becomes `verified`.

    Args:
        vault: The open vault.
        name: The contact's name.
        claimed: Digits, words, hexadecimal or ``SHA256:…``, at full length.

    Returns:
        The contact, and how many bundles received before are verified now.

    Raises:
        IntegrityError: It is another fingerprint; the contact stays unverified.
        NotFoundError: There is no such contact.
    """

    def work(transaction: Transaction) -> tuple[Contact, int]:
        known = contacts.get(transaction.connection, name)
        if not fingerprint.matches(claimed, _hash(known)):
            raise IntegrityError(
                "contact", "the fingerprint is not the one of this contact", "Do not use this contact; get a new card."
            )
        checked = replace(known, verified=True)
        contacts.put(transaction.connection, checked)
        transaction.record(
            CustodyEvent(
                "modification",
                known.id,
                "contact",
                why="fingerprint compared",
                digests={"before": contacts.state_digest(known), "after": contacts.state_digest(checked)},
                change=_change(known, checked, "fingerprint compared over another channel"),
            )
        )
        raised = 0
        if checked.card:
            raised = verdicts.establish(vault, transaction, checked.signing_key, "fingerprint compared")
        return public(checked), raised

    return vault.atomic(work)


def differing(vault: OpenVault, name: str, claimed: str) -> tuple[int, ...]:
    """Return which groups of digits, or which words, of a claimed fingerprint are not the contact's, counted from 0.

    Raises:
        RefusedError: It is no whole fingerprint.
        NotFoundError: There is no such contact.
    """
    known = vault.read(lambda connection: contacts.get(connection, name))
    return fingerprint.differing(claimed, _hash(known))


def get(vault: OpenVault, name: str) -> Contact:
    """Return a contact by name.

    Raises:
        NotFoundError: There is none.
    """
    found = vault.read(lambda connection: contacts.named(connection, name))
    if found is None:
        raise NotFoundError("There is no contact of that name.", "See 'evault contact list'.")
    return public(found)
