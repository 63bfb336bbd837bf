"""Commands about who: own identity and contacts."""

from __future__ import annotations

from pathlib import Path

from tui.cli.context import Context, Result, about
from tui.text import one_line
from vault import api
from vault.errors import FormatError, RefusedError
from vault.model import Contact

_CARD_LIMIT = 1 << 16


def identity_show(context: Context) -> Result:
    """Show the own fingerprint and public keys."""
    with context.unlocked() as vault:
        own = api.contacts.own(vault)
    return {
        "fingerprint": own.fingerprint,
        "words": own.words,
        "recipient": own.recipient,
        "x25519_recipient": own.x25519_recipient,
        "ssh_public_key": own.ssh_public_key,
        "lines": [
            f"Fingerprint: {own.fingerprint}",
            f"In words:    {own.words}",
            f"ssh key:     {own.ssh_public_key}",
            f"age X25519:  {own.x25519_recipient}",
            f"age hybrid:  {own.recipient[:40]}… (whole in the contact card)",
        ],
    }


def identity_card(context: Context) -> Result:
    """Write the own contact card."""
    with context.unlocked() as vault:
        name = context.arguments.name or vault.identity.name or "Evidence vault"
        text = api.contacts.card(vault, name)
        own = api.contacts.own(vault)
    with about(target=context.arguments.out):
        api.write_new(Path(context.arguments.out), text.encode(), "the contact card")
    return {
        "file": context.arguments.out,
        **_public(own),
        "lines": [
            f"The card is in {one_line(context.arguments.out)}. Tell its fingerprint over another channel:",
            own.fingerprint,
        ],
    }


def _public(own: api.contacts.OwnIdentity) -> Result:
    return {"fingerprint": own.fingerprint, "recipient": own.recipient, "ssh_public_key": own.ssh_public_key}


def identity_export(context: Context) -> Result:
    """Write an age identity, a secret key, for use with stock tools."""
    with context.unlocked() as vault:
        with about(target=context.arguments.out):
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
        "verified": contact.verified,
        "recipients": list(contact.recipients),
    }


def contact_add(context: Context) -> Result:
    """Add a contact."""
    arguments = context.arguments
    if (arguments.card is None) == (not arguments.recipient):
        raise RefusedError("Give either a card, or --name and --recipient.", "See 'evault contact add --help'.")
    if arguments.card is not None:
        text = _text(Path(arguments.card), "the contact card")
    ssh_key = _text(Path(arguments.ssh_key), "the ssh key") if arguments.ssh_key else ""
    with context.unlocked() as vault:
        if arguments.card is not None:
            contact = api.contacts.add_card(vault, text, arguments.name)
        else:
            contact = api.contacts.add(vault, arguments.name, tuple(arguments.recipient), ssh_key)
    name = one_line(contact.name)
    lines = [f"{name} is known and stays verified." if contact.verified else f"{name} is known now, but NOT verified."]
    if not contact.verified:
        lines += [f"Compare this fingerprint with {name} over the telephone or face to face:", contact.fingerprint,
                  "If it is the same: 'evault contact verify - --fingerprint -'; it asks for both."]  # fmt: skip
    return {**_fields(contact), "lines": lines}


def _text(path: Path, what: str) -> str:
    with about(path):
        try:
            return api.read_small(path, _CARD_LIMIT, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(what, "not text", "Check that it is the right file.") from error


def contact_list(context: Context) -> Result:
    """List the contacts."""
    with context.unlocked() as vault:
        found = api.contacts.page(vault)
    lines = [f"{'verified  ' if c.verified else 'UNVERIFIED'}  {c.fingerprint}  {one_line(c.name)}" for c in found]
    return {"contacts": [_fields(contact) for contact in found], "lines": lines or ["There are no contacts."]}


def contact_verify(context: Context) -> Result:
    """Enter that fingerprints were compared."""
    with context.unlocked() as vault:
        contact, raised = api.contacts.verify(vault, context.arguments.name, context.arguments.fingerprint)
    lines = [f"{one_line(contact.name)} is verified."]
    if raised:
        lines.append(f"Bundles received from them before that are verified now: {raised}.")
    return {**_fields(contact), "bundles_now_verified": raised, "lines": lines}
