"""What the person has chosen so far of a seal; what follows from it is asked of the core each time."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui.leaving import DIGESTS
from vault import api
from vault.jobs import Job


@dataclass
class Plan:
    """The choices of one seal.

    Attributes:
        case_id: The case.
        parts: All of the case that can leave, by id, as it would leave now.
        left_out: How many records cannot leave: received from others, or deleted.
        leaving: Ids of what leaves.
        disclose: Pairs of id and path that leave although they are protected.
        withhold: Pairs of id and path that stay although they are shareable.
        may_leave: Ids of files that may leave with what they carry inside.
        to: Names of the contacts.
        passphrase: It is sealed under a passphrase instead.
        purpose: Told to the recipient.
        authority: Kept in the log.
        place: Kept in the log.
    """

    case_id: str
    parts: dict[str, api.sealing.Part] = field(default_factory=dict, repr=False)
    left_out: int = 0
    leaving: set[str] = field(default_factory=set)
    disclose: set[tuple[str, str]] = field(default_factory=set)
    withhold: set[tuple[str, str]] = field(default_factory=set)
    may_leave: set[str] = field(default_factory=set)
    to: list[str] = field(default_factory=list)
    passphrase: bool = False
    purpose: str = ""
    authority: str = ""
    place: str = ""

    def choice(self, ids: set[str] | None = None) -> api.sealing.Choice:
        """Return it as the core takes it, of all that leaves or of these ids."""
        wanted = self.leaving if ids is None else ids
        held = {one for one in wanted if one in self.parts and self.parts[one].identifying}
        return api.sealing.Choice(
            self.case_id,
            disclose=tuple(sorted(one for one in self.disclose if one[0] in wanted)),
            withhold=tuple(sorted(one for one in self.withhold if one[0] in wanted)),
            only=tuple(one for one in self.parts if one in wanted),
            purpose=self.purpose,
            accept_metadata=bool(held) and held <= self.may_leave,
            authority=self.authority,
            place=self.place,
        )

    def look(self, vault: api.OpenVault, job: Job) -> None:
        """Ask the core what would leave of each thing; the first time, all is marked that leaves by default."""
        shown = api.sealing.preview(vault, self.choice(set(self.parts)), job)
        self.left_out = shown.left_out
        known = set(self.parts)
        self.parts = {part.record_id: part for part in shown.parts}
        if known:
            return
        staying = {one for one, part in self.parts.items() if part.stays}
        back = {one for one, part in self.parts.items() if part.consent and part.consent.withdrawn}
        self.leaving = self.parts.keys() - staying - back
        if staying:
            # A file that stays is shown as it leaves once somebody marks it.
            self.disclose |= {(one, "sha256") for one in staying}
            self.look(vault, job)

    def set_fields(self, part: api.sealing.Part, wanted: set[str]) -> None:
        """Let of a record leave what is named, and nothing else."""
        for said in part.said:
            one = (part.record_id, said.path)
            if said.path in wanted and not said.leaves:
                self._let_leave(part, one)
            elif said.path not in wanted and said.leaves and one in self.disclose:
                self.disclose.discard(one)
            elif said.path not in wanted and said.leaves:
                self.withhold.add(one)

    def _let_leave(self, part: api.sealing.Part, one: tuple[str, str]) -> None:
        if one not in self.withhold:
            self.disclose.add(one)
        elif part.type == "attachment" and one[1] in DIGESTS:
            self.withhold -= {(part.record_id, path) for path in DIGESTS}
        else:
            self.withhold.discard(one)

    def taken_back(self) -> list[api.sealing.Part]:
        """Return what is marked to leave although the person took their consent back."""
        marked = (self.parts[one] for one in self.parts if one in self.leaving)
        return [part for part in marked if part.consent and part.consent.withdrawn]

    def held(self) -> list[api.sealing.Part]:
        """Return the files that leave and carry what may identify people, and nobody has agreed to it yet."""
        return [
            part
            for part in self.parts.values()
            if part.record_id in self.leaving and part.identifying and part.record_id not in self.may_leave
        ]

    def copies_of(self, part: api.sealing.Part) -> list[api.sealing.Part]:
        """Return the files of this case that were made from a file and may leave in its place.

        One that stays for a reason of its own, as a portrait cut out of a photo, has to be marked itself.
        """
        made = [one for one in self.parts.values() if one.derived_from == part.record_id]
        return [one for one in made if part.stays or not one.stays]
