"""Sealing, receiving, contacts and the check of the whole vault, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tui import consenting, leaving, verifying
from tui.i18n import _, from_core, ngettext
from tui.linear.talk import Talk
from tui.telling import mark_of
from tui.text import one_line
from vault import api
from vault.errors import FormatError, IntegrityError, PassphraseNeededError, UnlockError
from vault.model import Contact, Report, Secret, Severity, Verdict

_CARD_LIMIT = 1 << 20
_MOST = 200


def verdict_word(verdict: str) -> str:
    """Return a verdict in words."""
    words = {"verified": _("verified"), "intact": _("intact, signer not established"), "failed": _("failed")}
    return words.get(verdict, verdict)


# -- sealing -----------------------------------------------------------------------------------------------------------


def seal(talk: Talk, case_id: str) -> None:
    """Seal a case, or a part of it, for one contact."""
    vault = talk.open_vault
    people = api.contacts.page(vault)
    if not people:
        talk.say(_("There is no contact yet."))
        return
    name = talk.choose(_("For whom"), [(one.name, _person(one)) for one in people])
    if name is None:
        return
    purpose = talk.ask(_("What is it for? The recipient reads this."))
    choice = _choose(talk, api.sealing.Choice(case_id, purpose=purpose.strip()))
    if choice is None:
        return
    for _name, sentence in api.sealing.cautions(vault, [name]):
        talk.say("! " + from_core(sentence))
    target = Path(talk.ask(_("Folder to write into")).strip()).expanduser()
    if not talk.agreed(_("Seal it for {name}? From then on it may have left.", name=one_line(name, 60))):
        talk.say(_("Nothing was sealed."))
        return
    made = talk.long(_("The bundle is being made."), lambda job: api.sealing.seal(vault, choice, [name], target, job))
    own = api.contacts.own(vault)
    for one in made:
        talk.say(f"✓ {one.file}", f"SHA-256 {one.sha256}", *("! " + from_core(warning) for warning in one.warnings))
    talk.say(_("The recipient compares your fingerprint with the one they see. Read it to them on a call:"))
    talk.say(own.fingerprint, own.words)


def _choose(talk: Talk, choice: api.sealing.Choice) -> api.sealing.Choice | None:
    """Say what would leave, and let things be left out, until the person goes on."""
    while True:
        shown = api.sealing.preview(talk.open_vault, choice).parts
        parts = [part for part in shown if part.is_told]
        staying = [part for part in shown if part not in parts]
        talk.say("", _("What leaves") + f": {leaving.amount(parts)}")
        for part in parts:
            talk.say("", f"{leaving.kind_of(part)}: {leaving.title_of(part)}", leaving.text_of(part))
        whole = api.sealing.preview(talk.open_vault, api.sealing.Choice(choice.case_id)).parts
        if staying:
            talk.say(
                "",
                _("These files stay: they belong to a person or a note, or show a consent."),
                *map(leaving.title_of, staying),
            )
        names = [*leaving.names(parts), *leaving.hidden_names(parts, whole, choice.purpose)]
        talk.say("", _("What for: {purpose}", purpose=choice.purpose or _("(not said)")))
        if names:
            talk.say("", _("Names that leave"), *names)
        gives = [part for part in parts if part.identifying]
        options = [("go", _("Go on")), *((part.record_id, _leave_out(part)) for part in parts)]
        options += [(part.record_id, _("Let it leave: {what}", what=leaving.heading_of(part))) for part in staying]
        chosen = talk.choose(_("Look it over"), options, _("Cancel"))
        if chosen is None:
            return None
        if chosen in {part.record_id for part in staying}:
            choice = replace(choice, disclose=(*choice.disclose, (chosen, "sha256")))
        elif chosen != "go":
            choice = replace(choice, withhold=(*choice.withhold, (chosen, "*")))
        elif not parts:
            talk.say(_("Nothing is left that would leave."))
        elif not _consented(talk, parts):
            continue
        elif not gives:
            return choice
        else:
            told = [_("{name} gives away: {kinds}.", name=leaving.title_of(part), kinds=leaving.inside(part))
                    for part in gives]  # fmt: skip
            if talk.agreed(" ".join([*told, _("May it leave with that inside?")])):
                return replace(choice, accept_metadata=True)
            choice = replace(choice, withhold=(*choice.withhold, *((part.record_id, "*") for part in gives)))


def _consented(talk: Talk, parts: Sequence[api.sealing.Part]) -> bool:
    """Say for what consent is in doubt, and ask; what was taken back does not leave at all."""
    doubtful = consenting.doubtful(parts)
    if not doubtful:
        return True
    talk.say("", "! " + consenting.counted(parts))
    for part in doubtful:
        talk.say(f"{leaving.kind_of(part)}: {leaving.title_of(part)}", *consenting.told(part))
    if any(part.consent and part.consent.withdrawn for part in doubtful):
        talk.say(_("Consent was taken back for a part of it: leave that out first."))
        return False
    talk.say(_("Courts and the UN do not give back what they have. If you can still ask the person, ask first."))
    return talk.agreed(_("Let it leave without their consent?"))


def _leave_out(part: api.sealing.Part) -> str:
    return _("Leave out: {what}", what=f"{leaving.kind_of(part)}, {leaving.title_of(part)}")


# -- receiving ---------------------------------------------------------------------------------------------------------


def receive(talk: Talk) -> None:
    """Verify a bundle, say what was found, and take it in or refuse it."""
    path = Path(talk.ask(_("Path of the bundle")).strip().strip("'\"")).expanduser()
    secret: Secret | None = None
    signer = ""
    while True:
        opened, secret = _look(talk, path, secret, signer)
        title, means = verifying.verdict(opened)
        talk.say("", title, means, *verifying.told(opened), *verifying.not_checked(opened), "", title)
        options = []
        if opened.contents and not (opened.case_id and opened.verdict is Verdict.FAILED):
            options.append(("take", _("Take it in")))
        if opened.verdict is Verdict.INTACT:
            options.append(("compare", _("Compare fingerprints")))
        chosen = talk.choose(_("What now?"), options, _("Refuse"))
        if chosen == "compare":
            signer = _heard(talk, opened.contact or _("the sender"))
            api.receiving.check_claim(signer)
            continue
        if chosen == "take" and opened.contents is not None:
            _take(talk, path, secret, signer, opened)
        else:
            talk.say(_("Nothing was kept."))
        return


def _look(talk: Talk, path: Path, secret: Secret | None, signer: str) -> tuple[api.receiving.Opened, Secret | None]:
    while True:
        try:
            look = talk.long(
                _("Verifying …"),
                lambda job, secret=secret: api.receiving.look(talk.open_vault, path, job, secret, signer),  # type: ignore[misc]
            )
        except (PassphraseNeededError, UnlockError) as error:
            talk.tell(error)
            talk.say(_("Only go on if the sender told you to expect one, over another way than the file."))
            secret = api.to_secret(talk.secret(_("The passphrase of the bundle")))
            continue
        return look, secret


def _take(talk: Talk, path: Path, secret: Secret | None, signer: str, opened: api.receiving.Opened) -> None:
    if opened.verdict is not Verdict.VERIFIED and not talk.agreed(_("Take it in all the same?")):
        talk.say(_("Nothing was kept."))
        return
    mark = opened.contents.mark if opened.contents else ""
    taken = talk.long(
        _("Taking in a bundle"),
        lambda job: api.receiving.receive(talk.open_vault, path, job, secret, signer, mark),
    )
    talk.say("✓ " + verifying.taken_in(taken))
    _findings(talk, replace(taken.report, not_checked=()))


# -- contacts ----------------------------------------------------------------------------------------------------------


def contacts(talk: Talk) -> None:
    """Add contacts, and compare fingerprints with them."""
    vault = talk.open_vault
    while True:
        people = api.contacts.page(vault)
        options = [("", _("Add a card")), *((one.name, _person(one)) for one in people)]
        chosen = talk.choose(_("Contacts"), options)
        if chosen is None:
            return
        if chosen:
            _compare(talk, chosen)
            continue
        path = Path(talk.ask(_("The card file of your contact")).strip().strip("'\"")).expanduser()
        try:
            card = api.read_small(path, _CARD_LIMIT, "the contact card").decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError("contact card", "not text", "Check that it is the right file.") from error
        added = api.contacts.add_card(vault, card, talk.ask(_("What is the contact called?")).strip())
        talk.say(_("{name} is added", name=one_line(added.name, 60)))
        talk.say(_("Nobody knows yet whose keys these are. Compare fingerprints by telephone or face to face."))


def _person(one: Contact) -> str:
    return f"{one_line(one.name, 60)}, {_('✓ verified') if one.verified else _('✗ not verified')}"


def _compare(talk: Talk, name: str) -> None:
    heard = _heard(talk, name)
    try:
        known, raised = api.contacts.verify(talk.open_vault, name, heard)
    except IntegrityError:
        talk.say(
            _("It is NOT the same"),
            _("Listen once more. If it stays different, somebody may have put their own keys in between: do not use "
              "this contact."),
        )  # fmt: skip
        return
    talk.say(_("The fingerprint is the same: {name} is verified.", name=one_line(known.name, 60)))
    if raised:
        talk.say(ngettext("{count} bundle received from them before is verified now.",
                          "{count} bundles received from them before are verified now.", raised))  # fmt: skip


def _heard(talk: Talk, name: str) -> str:
    own = api.contacts.own(talk.open_vault)
    talk.say(
        _("Compare fingerprints with {name}", name=one_line(name, 60)),
        _("1. Call {name}, or meet: by a way on which you know the voice or the face. Not by the way the card came.",
          name=one_line(name, 60)),
        _("2. Let them read their fingerprint to you: 40 digits, or 12 words."),
        _("3. Type what you hear; the program compares it."),
        _("Yours, to read to them:"), own.fingerprint, own.words,
    )  # fmt: skip
    return talk.ask(_("What you hear"))


# -- checking ----------------------------------------------------------------------------------------------------------


def check(talk: Talk) -> None:
    """Check the whole vault and say what was found."""
    checked = talk.long(_("Checking the vault"), lambda job: api.checking.check(talk.open_vault, [], job))
    errors = sum(one.severity is Severity.ERROR for one in checked.report.findings)
    if checked.report.ok:
        talk.say("✓ " + _("Everything holds together."))
    else:
        talk.say("✗ " + ngettext("{count} thing does not hold.", "{count} things do not hold.", errors))
    _findings(talk, checked.report)


def _findings(talk: Talk, report: Report) -> None:
    for one in report.findings[:_MOST]:
        where = f" ({one_line(one.where)})" if one.where else ""
        talk.say(f"{mark_of(one)} {from_core(one.message)}{where}")
    if len(report.findings) > _MOST:
        talk.say(_("… and {count} more", count=len(report.findings) - _MOST))
    if report.not_checked:
        talk.say(_("Not checked:"), *(f"· {from_core(sentence)}" for sentence in report.not_checked))
