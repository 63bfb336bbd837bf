"""Commands that make bundles: seal, reveal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui import consenting, leaving
from tui.cli import asking
from tui.cli.context import Context, Result, about, refuse_taken, say, writing
from tui.cli.words import inside
from tui.measures import size
from tui.notices import notice_for
from tui.text import one_line
from vault import api
from vault.errors import HoldError, RefusedError

_MOST_NAMES = 12


def seal(context: Context) -> Result:
    """Seal a case, or show what sealing it would send."""
    arguments = context.arguments
    choice = api.sealing.Choice(
        arguments.case,
        disclose=tuple(arguments.disclose),
        withhold=tuple(arguments.withhold),
        purpose=arguments.purpose,
        accept_metadata=arguments.accept_metadata,
        authority=arguments.authority,
        place=arguments.location,
    )
    if not arguments.preview:
        refuse_taken(arguments.out)
    with context.unlocked() as vault:
        shown = api.sealing.preview(vault, choice)
        names = _names(shown, api.sealing.preview(vault, api.sealing.Choice(arguments.case)), arguments.purpose or "")
        unverified, cautions = _caution(vault, arguments.to)
        if arguments.preview:
            return _previewed(shown, names, arguments.to, unverified)
        after = _say_before(context, [*_consent_lines(shown), *names.lines])
        if choice.accept_metadata or not any(part.identifying for part in shown.parts):
            # Otherwise it is held up all the same: nobody should learn to say yes for nothing.
            _ask_about(context, unverified)
            _ask_about_consent(context, shown)
        secret = context.new_secret("Passphrase for the bundle") if arguments.with_passphrase else None
        target = Path(arguments.out)
        try:
            with writing(target):
                made: tuple[api.sealing.Sealed, ...] = (
                    (api.sealing.seal_with_passphrase(vault, choice, secret, target, context.job),)
                    if secret
                    else api.sealing.seal(vault, choice, arguments.to, target, context.job)
                )
        except HoldError as error:
            return _held(context, shown, error)
    lines = [*_shown_lines(shown), *after, *_lines(made, cautions if context.attended else ())]
    return {"bundles": [_made(one) for one in made], **_shown(shown, names, lines)}


@dataclass(frozen=True)
class _Names:
    """Whom a bundle tells of: ids of records of people in it, and names in its texts; and lines that say so."""

    people: list[str]
    in_texts: list[str]
    lines: list[str]


def _names(shown: api.sealing.Preview, whole: api.sealing.Preview, purpose: str) -> _Names:
    people = [part for part in shown.parts if part.type == "person" and part.disclosed]
    in_texts = leaving.hidden_names(shown.parts, whole.parts, purpose)
    lines = []
    if people:
        named = _some([part.title or part.record_id for part in people])
        lines.append(f"People with a record of their own in it: {named}")
    if in_texts:
        lines.append("Names that leave inside a text, even where the field that holds the name stays:")
        lines += [f"    {line}" for line in in_texts[:_MOST_NAMES]]
        if len(in_texts) > _MOST_NAMES:
            lines.append(f"    and {len(in_texts) - _MOST_NAMES} more")
    return _Names([part.record_id for part in people], in_texts, lines)


def _shown(shown: api.sealing.Preview, names: _Names, lines: list[str]) -> Result:
    return {
        "records": [_part(part) for part in shown.parts],
        "left_out": shown.left_out,
        "people": names.people,
        "names_in_texts": names.in_texts,
        "lines": lines,
    }


def _shown_lines(shown: api.sealing.Preview) -> list[str]:
    lines = [line for part in shown.parts for line in _part_lines(part)]
    if shown.left_out:
        lines.append(f"Left out: {shown.left_out} record(s) that were deleted or received from others.")
    return lines


def _previewed(shown: api.sealing.Preview, names: _Names, to: list[str], unverified: tuple[str, ...]) -> Result:
    """Return what each recipient would see; nothing was written."""
    lines = [*_shown_lines(shown), *_consent_lines(shown), *names.lines]
    if any(part.identifying for part in shown.parts):
        lines.append("Files carry facts that may identify people: sealing asks for --accept-metadata, or for less.")
    lines.append(f"Each of these would see that: {_some(to) if to else 'whoever knows the passphrase'}.")
    lines.append("Nothing was written.")
    return {
        "bundles": [],
        "recipients": [{"name": name, "verified": name not in unverified} for name in to],
        **_shown(shown, names, lines),
    }


def _held(context: Context, shown: api.sealing.Preview, error: HoldError) -> Result:
    """Return what holds a seal up: the files by name, with what each carries."""
    held = [part for part in shown.parts if part.identifying]
    notice = notice_for(error)
    lines = [f"{part.record_id}  {_name(part)}: {inside(part.identifying)}" for part in held[:_MOST_NAMES]]
    if len(held) > _MOST_NAMES:
        lines.append(f"and {len(held) - _MOST_NAMES} more: see 'evault seal --preview'.")
    if not context.arguments.json:
        say(context.hint("\n".join([f"evault: {error.message} {error.advice}", *lines])))
    return {
        "held": [{"id": part.record_id, "name": part.title, "carries": list(part.identifying)} for part in held],
        "exit": notice.exit,
        "error": {"code": notice.code, "message": error.message, "advice": context.hint(error.advice)},
    }


def _part(part: api.sealing.Part) -> Result:
    return {
        "id": part.record_id,
        "type": part.type,
        "title": part.title,
        "disclosed": list(part.disclosed),
        "withheld": list(part.withheld),
        "content": part.content,
        "stays": part.stays,
        "links": list(part.links),
        "size": part.size,
        "carries": list(part.identifying),
        "consent": None if part.consent is None else {"speaks_against": list(part.consent.speaks_against)},
    }


def _consent_lines(shown: api.sealing.Preview) -> list[str]:
    """Return what was agreed to, of each thing that asks for consent, what is in doubt first."""
    listed = sorted((part for part in shown.parts if part.consent), key=lambda part: not consenting.doubtful([part]))
    lines = [counted] if (counted := consenting.counted(shown.parts)) else []
    for part in listed:
        lines += [f"{part.record_id}  {_name(part)}", *(f"    {line}" for line in consenting.told(part))]
    return lines


def _ask_about_consent(context: Context, shown: api.sealing.Preview) -> None:
    """Let the person decide where consent is in doubt; scripts read it in what is printed."""
    doubtful = consenting.doubtful(shown.parts)
    if not doubtful or not context.attended or any(part.consent and part.consent.withdrawn for part in doubtful):
        return
    if not asking.confirm("Consent is in doubt. Let it leave all the same? Type yes, or only Enter to stop: "):
        raise RefusedError(
            "Nothing was sealed.", "Ask the person, and note what they agree to: 'evault record correct'."
        )


def _part_lines(part: api.sealing.Part) -> list[str]:
    """Return which fields of a record leave and which stay, by name: what a person has to know of a bundle."""
    if part.stays and not part.disclosed:
        return [
            f"{part.record_id}  {part.type}",
            f"    stays:  {_name(part)}, which belongs to a person or a note, or shows a consent",
            f"    Let it leave with --disclose {part.record_id}:sha256",
        ]
    lines = [
        f"{part.record_id}  {part.type}",
        f"    leaves: {_some(part.disclosed)}",
        f"    stays:  {_some(part.withheld)}",
        *(f"    says that it belongs together with {other}" for other in part.links),
    ]
    if part.content:
        carried = f"; in it: {inside(part.identifying)}" if part.identifying else ""
        stays = "; its name stays" if "original_name" in part.withheld else ""
        lines.append(f"    the file itself leaves: {_name(part)}, {size(part.size)}{stays}{carried}")
    return lines


def _name(part: api.sealing.Part) -> str:
    return one_line(part.title) or "a file without a name"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(map(one_line, names[:_MOST_NAMES]))
    return f"{shown} and {more} more" if more > 0 else shown or "nothing"


def _say_before(context: Context, lines: list[str]) -> list[str]:
    """Say what whoever is asked has to know first; returns what is left to be said once it is sealed."""
    if not context.attended:
        return lines
    for line in lines:
        say(line)
    return []


def _caution(vault: api.OpenVault, names: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say before anything is sealed what speaks against it; returns who is not verified, and the sentences."""
    with about("--to"):
        cautions = api.sealing.cautions(vault, names)
        for name, sentence in cautions:
            say(f"{one_line(name)}: {sentence}")
        return api.sealing.unverified(vault, names), tuple(sentence for _, sentence in cautions)


def _ask_about(context: Context, unverified: tuple[str, ...]) -> None:
    """Let the person decide about contacts that are not verified, where there is one: scripts were told, and go on."""
    if not unverified or not context.attended:
        return
    if not asking.confirm(f"NOT verified: {_some(unverified)}. Seal all the same? Type yes, or only Enter to stop: "):
        raise RefusedError(
            "Nothing was sealed.", "Compare the fingerprint, then 'evault contact verify - --fingerprint -'."
        )


def _made(one: api.sealing.Sealed) -> Result:
    return {
        "file": str(one.file),
        "bundle_id": one.bundle_id,
        "sha256": one.sha256,
        "recipient": one.recipient,
        "kind": one.kind,
        "warnings": list(one.warnings),
    }


def _lines(made: tuple[api.sealing.Sealed, ...], said: Collection[str]) -> list[str]:
    """Return what was made, with the warnings that were not said before."""
    lines = []
    for one in made:
        whom = one_line(one.recipient or "whoever knows the passphrase")
        lines += [one_line(one.file), f"    for {whom}, SHA-256 {one.sha256}"]
        if one.needs_new_age:
            lines.append("    Without this program it opens with age 1.3 or later (docs/verify-by-hand.md).")
        lines += [f"    Note: {warning}" for warning in one.warnings if warning not in said]
    return lines


def reveal(context: Context) -> Result:
    """Disclose a field later."""
    arguments = context.arguments
    record_id, path = arguments.what
    refuse_taken(arguments.out)
    with context.unlocked() as vault:
        part = api.sealing.preview_reveal(vault, record_id, path)
        shown = api.sealing.Preview((part,), 0)
        unverified, cautions = _caution(vault, [arguments.to])
        after = _say_before(context, _consent_lines(shown))
        _ask_about(context, unverified)
        _ask_about_consent(context, shown)
        with writing(arguments.out):
            one = api.sealing.reveal(
                vault, record_id, path, arguments.to, Path(arguments.out), context.job,
                authority=arguments.authority, place=arguments.location,
            )  # fmt: skip
    lines = [*after, *_lines((one,), cautions if context.attended else ())]
    return {**_made(one), "consent": _part(part)["consent"], "lines": lines}
