"""Commands about who: own identity and contacts."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tui.cli.context import RIGHT_FILE, Context, Result, about, advised, writing
from tui.cli.usage import UsageError
from tui.text import one_line
from vault import api
from vault.errors import FormatError, IntegrityError, RefusedError
from vault.model import Contact

_CARD_LIMIT = 1 << 16
_LONG_KEY = 100


def identity_show(context: Context) -> Result:
    """Show the own fingerprint and public keys."""
    with context.unlocked() as vault:
        own = api.contacts.own(vault)
    return {
        "fingerprint": own.fingerprint,
        "words": own.words,
        "ssh_fingerprint": own.ssh_fingerprint,
        "recipient": own.recipient,
        "x25519_recipient": own.x25519_recipient,
        "ssh_public_key": own.ssh_public_key,
        "lines": [
            f"Fingerprint: {own.fingerprint}",
            f"In words:    {own.words}",
            f"As ssh says: {own.ssh_fingerprint}",
            f"ssh key:     {own.ssh_public_key}",
            f"age X25519:  {own.x25519_recipient}",
            f"age hybrid:  {own.recipient[:40]}… (whole in the contact card)",
        ],
    }


def identity_card(context: Context) -> Result:
    """Write the own contact card."""
    with context.unlocked() as vault:
        own = api.contacts.own(vault)
        # Two cards without a chosen name must not be called the same.
        name = context.arguments.name or vault.identity.name or f"Vault {own.fingerprint[:11]}"
        with writing(context.arguments.out):
            api.contacts.write_card(vault, name, Path(context.arguments.out))
    return {
        "file": context.arguments.out,
        "name": name,
        **_public(own),
        "lines": [
            f"The card of {one_line(name)} is in {one_line(context.arguments.out)}.",
            "Tell its fingerprint over another channel:",
            own.fingerprint,
            own.ssh_fingerprint,
        ],
    }


def _public(own: api.contacts.OwnIdentity) -> Result:
    return {"fingerprint": own.fingerprint, "recipient": own.recipient, "ssh_public_key": own.ssh_public_key}


def identity_export(context: Context) -> Result:
    """Write an age identity, a secret key, for use with stock tools."""
    with context.unlocked() as vault:
        with writing(context.arguments.out):
            api.contacts.export_identity(vault, context.arguments.type, Path(context.arguments.out))
        own = api.contacts.own(vault)
    recipient = own.x25519_recipient if context.arguments.type == "x25519" else own.recipient
    return {
        "file": context.arguments.out,
        **_public(own),
        "recipient": recipient,
        "lines": [
            f"The secret key is in {one_line(context.arguments.out)}, in clear. "
            "Whoever has it reads bundles sealed to you: remove it after use."
        ],
    }


def _fields(contact: Contact) -> Result:
    return {
        "name": contact.name,
        "fingerprint": contact.fingerprint,
        "ssh_fingerprint": contact.ssh_fingerprint,
        "sha256": _sha256(contact),
        "verified": contact.verified,
        "recipients": list(contact.recipients),
    }


def contact_add(context: Context) -> Result:
    """Add a contact."""
    arguments = context.arguments
    if arguments.card is not None and arguments.ssh_key:
        raise UsageError("--ssh-key goes with --recipient: a card has its own key.", "Leave one of them out.")
    if arguments.card is not None:
        with _card():
            text = _text(Path(arguments.card), "the contact card")
    ssh_key = _ssh_key(arguments.ssh_key) if arguments.ssh_key else ""
    with context.unlocked() as vault:
        if arguments.card is not None:
            with about(arguments.card), _card():
                contact = api.contacts.add_card(vault, text, arguments.name)
        else:
            try:
                contact = api.contacts.add(vault, arguments.name, tuple(arguments.recipient), ssh_key)
            except FormatError as error:
                with about("--recipient" if error.where == "age recipient" else arguments.ssh_key):
                    raise
    name = one_line(contact.name)
    lines = [f"{name} is known and stays verified." if contact.verified else f"{name} is known now, but NOT verified."]
    if not contact.verified:
        lines.append(f"Compare this fingerprint with {name} over the telephone or face to face:")
        lines.append(contact.fingerprint)
        if contact.ssh_fingerprint:
            lines.append(f"or, as ssh-keygen shows it: {contact.ssh_fingerprint}")
        parts, found = api.contacts.compared_by_hand(contact)
        if found:
            lines.append(f"or, as their sha256sum shows it: {found}")
            lines.append(f"They get that, on their computer, with: {_hashing(parts)} | sha256sum")
        lines.append(context.hint("If it is the same: 'evault contact verify - --fingerprint -'; it asks for both."))
    return {**_fields(contact), "lines": lines}


def _card() -> contextlib.AbstractContextManager[None]:
    return advised("Name a contact card: the small text file that 'evault identity card' wrote.", RIGHT_FILE, "")


def _ssh_key(name: str) -> str:
    text = _text(Path(name), "the ssh key")
    if "PRIVATE KEY-----" in text[:100]:
        with about(name):
            raise RefusedError("This is a private ssh key.", "Give the file with the public key: it ends in .pub.")
    return text


def _text(path: Path, what: str) -> str:
    with about(path):
        try:
            return api.read_small(path, _CARD_LIMIT, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(what, "not text", "Check that it is the right file.") from error


def _hashing(parts: tuple[str, ...]) -> str:
    """Return the command that hands the texts to sha256sum; a long key, which nobody types, stands as a word for it."""
    words = [part if len(part) < _LONG_KEY else f"THEIR-AGE1-KEY{'' if len(parts) == 1 else f'-{number}'}"
             for number, part in enumerate(parts, 1)]  # fmt: skip
    if len(words) == 1:
        return f"printf %s {words[0]}"
    return "printf '%s\\n' " + " ".join(f"'{word}'" if " " in word else word for word in words)


def _sha256(contact: Contact) -> str:
    """Return the fingerprint of a contact without a card, as stock tools show it; else nothing."""
    return api.contacts.compared_by_hand(contact)[1]


def contact_list(context: Context) -> Result:
    """List the contacts."""
    with context.unlocked() as vault:
        found = api.contacts.page(vault)
    lines = []
    for one in found:
        lines.append(f"{'verified  ' if one.verified else 'UNVERIFIED'}  {one.fingerprint}  {one_line(one.name)}")
        if one.ssh_fingerprint:
            lines.append(f"            {one.ssh_fingerprint}")
        if found_hash := _sha256(one):
            lines.append(f"            {found_hash}")
    return {"contacts": [_fields(contact) for contact in found], "lines": lines or ["There are no contacts."]}


def contact_rename(context: Context) -> Result:
    """Call a contact by another name."""
    with context.unlocked() as vault:
        contact = api.contacts.rename(vault, context.arguments.name, context.arguments.new)
    return {**_fields(contact), "lines": [f"It is called {one_line(contact.name)} now."]}


def contact_remove(context: Context) -> Result:
    """Take a contact out of the address book."""
    name = context.arguments.name
    with context.unlocked() as vault:
        contact = api.contacts.get(vault, name)
        api.contacts.remove(vault, name, context.arguments.why)
    lines = [f"{one_line(name)} is no contact any more. What was sealed to them or received from them stays."]
    return {**_fields(contact), "lines": lines}


def contact_verify(context: Context) -> Result:
    """Enter that fingerprints were compared."""
    with context.unlocked() as vault, about("--fingerprint", exactly=RefusedError):
        try:
            contact, raised = api.contacts.verify(vault, context.arguments.name, context.arguments.fingerprint)
        except IntegrityError as error:
            # A slip of the finger is likelier than a key that was exchanged.
            error.message = "What you typed is not the fingerprint of this contact."
            error.advice = "Check it, and ask again. If it stays different, do not use this contact."
            raise
    lines = [f"{one_line(contact.name)} is verified."]
    if raised:
        lines.append(f"Bundles received from them before that are verified now: {raised}.")
    return {**_fields(contact), "bundles_now_verified": raised, "lines": lines}
