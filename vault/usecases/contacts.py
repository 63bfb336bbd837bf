"""Own card and identity, and the address book. A changed key for a known contact is never accepted silently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from vault.crypto.hashes import sha256
from vault.crypto.randomness import new_id
from vault.errors import AlreadyExistsError, IntegrityError, NotFoundError, RefusedError
from vault.formats import fingerprint, ssh_keys
from vault.formats.age import parse_recipient
from vault.formats.contact_card import ContactCard, read_card
from vault.model import Contact, CustodyEvent, Secret, format_time
from vault.open_vault import OpenVault, Transaction
from vault.store import contacts
from vault.store.contacts import StoredContact


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """What others may know of this vault: fingerprint in digits and words, age recipients, ssh public key line."""

    fingerprint: str
    words: str
    recipient: str
    x25519_recipient: str
    ssh_public_key: str


def own(vault: OpenVault) -> OwnIdentity:
    """Return the public side of this vault's identity."""
    who = vault.identity
    words = fingerprint.words_of(fingerprint.hash_of_key(who.public_key))
    return OwnIdentity(
        who.fingerprint, words, who.hybrid.recipient.text, who.x25519.recipient.text,
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


def export_identity(vault: OpenVault, kind: str) -> Secret:
    """Return the text of an age identity file of one kind, ``x25519`` or ``hybrid``, and enter that it left the vault.

    Raises:
        RefusedError: An unknown kind.
    """
    if kind not in ("x25519", "hybrid"):
        raise RefusedError("There is no identity of that type.", "Use x25519 or hybrid.")
    identity = vault.identity.x25519 if kind == "x25519" else vault.identity.hybrid
    event = CustodyEvent(
        "dissemination", vault.identity.log_id, "vault", why=f"the {kind} identity was written out", result="intent"
    )
    vault.atomic(lambda transaction: transaction.record(event))
    text = identity.text if isinstance(identity.text, str) else identity.text.reveal().decode()
    return Secret(text.encode() + b"\n")


def fingerprint_of(contact: StoredContact) -> str:
    """Return the fingerprint in digits; comparing it establishes everything that the contact is made of.

    A card is signed, so the fingerprint of its signing key covers the recipients in it. Without a card it is the
    SHA-256 of the recipient string; of several strings and an ssh key line, in this order, each with a line feed.
    """
    return fingerprint.digits_of(_hash(contact))


def _hash(contact: StoredContact) -> bytes:
    if contact.card:
        return fingerprint.hash_of_key(contact.signing_key)
    if len(contact.recipients) == 1 and not contact.signing_key:
        return fingerprint.hash_of_recipient(contact.recipients[0])
    parts = list(contact.recipients)
    if contact.signing_key:
        parts.append(ssh_keys.encode_public_key(contact.signing_key))
    return sha256("".join(f"{part}\n" for part in parts).encode())


def public(contact: StoredContact) -> Contact:
    """Return a stored contact as the model's noun."""
    return contact.public(fingerprint_of(contact))


def add_card(vault: OpenVault, note: str, name: str = "") -> Contact:
    """Add a contact from its card, or renew a known one; it is unverified until the fingerprints were compared.

    Raises:
        FormatError, IntegrityError: The card is malformed, or not signed by the key in it.
        AlreadyExistsError: The name is taken by somebody with another key.
        RefusedError: The card has expired.
    """
    found = read_card(note)
    if found.is_expired(vault.clock()):
        raise RefusedError("This contact card has expired.", "Ask for a new one.")
    fresh = StoredContact(
        new_id(), name or found.name, found.recipients, found.signing_key, False, found.expires_at, note
    )
    return _put(vault, fresh)


def add(vault: OpenVault, name: str, recipients: tuple[str, ...], ssh_key: str = "") -> Contact:
    """Add a contact who does not run this program: age recipient strings and perhaps an ssh public key line.

    Raises:
        FormatError: A recipient or key that is none.
        AlreadyExistsError: The name is taken.
        RefusedError: No recipient, or no name.
    """
    if not recipients or not name.strip() or len(name) > 200:
        raise RefusedError("A contact needs a name and at least one recipient.", "Give --name and --recipient.")
    for text in recipients:
        parse_recipient(text)
    key = ssh_keys.decode_public_key(ssh_key.strip())[0] if ssh_key.strip() else b""
    ordered = tuple(sorted(dict.fromkeys(recipients), key=lambda text: not text.startswith("age1pq1")))
    return _put(vault, StoredContact(new_id(), name, ordered, key, False, None, ""))


def _put(vault: OpenVault, fresh: StoredContact) -> Contact:
    if fresh.signing_key == vault.identity.public_key:
        raise RefusedError("This is this vault's own card.", "Add the card of somebody else.")

    def work(transaction: Transaction) -> Contact:
        connection = transaction.connection
        known = contacts.named(connection, fresh.name)
        by_key = contacts.by_key(connection, fresh.signing_key) if fresh.signing_key else None
        before: dict[str, str] = {}
        if by_key is not None and (known is None or known.id == by_key.id):
            if read_issue_time(by_key.card) > read_issue_time(fresh.card):
                raise RefusedError("A newer card of this contact is known already.", "Nothing was changed.")
            # A card renewed by the same key is signed by it: what was compared still holds.
            kept = replace(fresh, id=by_key.id, name=by_key.name, verified=by_key.verified and bool(fresh.card))
            before = {"before": contacts.state_digest(by_key)}
        elif known is not None:
            raise AlreadyExistsError(
                "A contact of that name has another key; it was not changed.",
                "Ask the person by another way. If the key really changed, add the new card under another name.",
            )
        else:
            kept = fresh
        contacts.put(connection, kept)
        event = "modification" if before else "creation"
        transaction.record(
            CustodyEvent(
                event, kept.id, "contact", why="contact card", digests=before | {"after": contacts.state_digest(kept)}
            )
        )
        return public(kept)

    return vault.atomic(work)


def read_issue_time(note: str) -> str:
    """Return when a stored card says it was issued, or an empty string without a card."""
    return format_time(read_card(note).issued_at) if note else ""


def page(vault: OpenVault) -> list[Contact]:
    """Return all contacts by name."""
    return [public(contact) for contact in vault.read(contacts.page)]


def verify(vault: OpenVault, name: str, claimed: str) -> Contact:
    """Mark a contact as verified, if the fingerprint that was told over another channel is its own.

    Args:
        vault: The open vault.
        name: The contact's name.
        claimed: Digits, words, hexadecimal or ``SHA256:…``, at full length.

    Raises:
        IntegrityError: It is another fingerprint; the contact stays unverified.
        NotFoundError: There is no such contact.
    """

    def work(transaction: Transaction) -> Contact:
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
            )
        )
        return public(checked)

    return vault.atomic(work)


def get(vault: OpenVault, name: str) -> Contact:
    """Return a contact by name.

    Raises:
        NotFoundError: There is none.
    """
    found = vault.read(lambda connection: contacts.named(connection, name))
    if found is None:
        raise NotFoundError("There is no contact of that name.", "See 'evault contact list'.")
    return public(found)
