"""Writing a testimony: what is typed is kept, signed, corrected; nothing is lost, nothing gets out."""

from __future__ import annotations

import pytest

from tui.screens.record_edit import new_draft, screen_for
from tui.widgets.editor import Editor
from tui.widgets.form import Form
from vault import api, errors

CHINESE = "二〇二三年五月，他们在我家门口带走了我。"


@pytest.fixture
def case(vault) -> api.cases.Case:
    return api.cases.add(vault, "案")


async def open_case(person, case):
    await person.press("enter")
    assert person.app.screen.case_id == case.id


def test_a_testimony_is_written_saved_by_itself_and_signed(at, vault, case):
    async def story(person):
        await open_case(person, case)
        await person.press("t")
        await person.type(CHINESE)
        await person.until(lambda: bool(api.drafts.page(vault)))
        assert api.drafts.page(vault)[0].fields == {"statement": CHINESE}
        await person.until(lambda: "✓ saved" in person.text())
        await person.until(lambda: "18 Chinese characters" in person.text())
        await person.press("f9")
        assert "never changes again" in person.text()
        assert person.app.screen.focused.id == "cancel"
        await person.press("tab", "enter")
        assert "SHA-256" in person.text()
        await person.press("enter")
        assert type(person.app.screen).__name__ == "CaseScreen"

    at(story, vault, size=(140, 40))
    record = api.records.page(vault, case.id)[0]
    assert record.type == "testimony"
    assert api.records.show(vault, record.id).fields == {"statement": CHINESE}
    assert api.drafts.page(vault) == []
