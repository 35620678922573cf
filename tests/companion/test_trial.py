"""What the doctor finds out about a key that is refused, by asking real HTTP servers in the place of the regions."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from typing import Any

import pytest
from recording_server import recording_server, streamed

from companion.checks_engines import REGIONS, check_network
from companion.finding import Finding
from companion.settings import Chat, Settings
from companion.trial import request
from models.qwen import BASE_URL

KEY = "sk-canary-0123456789abcdef"

REFUSED = (401, {}, {"error": {"code": "invalid_api_key", "message": f"Incorrect {KEY}"}})


def found(address: str, regions: Mapping[str, str]) -> Finding:
    chosen = Settings(chat=Chat(base_url=address))
    return check_network(asyncio.run(request(chosen, {"DASHSCOPE_API_KEY": KEY}, regions)))


@pytest.mark.parametrize("end", ["", "/"])
def test_a_key_of_another_region_is_told_from_a_wrong_one(end: str) -> None:
    with recording_server(REFUSED) as here, recording_server(streamed("Hello.")) as there:
        regions = {"international": here.base_url, "beijing": there.base_url}
        finding = found(here.base_url + end, regions)
    assert (finding.ok, finding.what) == (
        False,
        "The key is of the region beijing, and the settings name international",
    )
    assert finding.mend == f'[chat] base_url = "{there.base_url}", or: companion setup --region beijing'
    assert [len(server.requests) for server in (here, there)] == [1, 1]
    assert there.requests[0][1]["authorization"] == f"Bearer {KEY}"


def test_a_key_that_no_region_takes_is_wrong() -> None:
    with recording_server(REFUSED) as here, recording_server(REFUSED) as there:
        finding = found(there.base_url, {"international": here.base_url, "beijing": there.base_url})
    assert (finding.ok, finding.what) == (False, "The key is wrong: beijing and international refuse it")
    assert finding.mend == "copy the key again, whole: companion setup"


def test_of_an_address_of_ones_own_no_other_is_asked() -> None:
    with recording_server(REFUSED) as here, recording_server(streamed("Hello.")) as there:
        finding = found(here.base_url, {"beijing": there.base_url})
    assert ("does not accept the key" in finding.what, there.requests) == (True, [])
    assert "if it is right it is of another region" in finding.mend


@pytest.mark.parametrize(
    "answer", [(403, {}, {"error": {"code": "access_denied", "message": KEY}}), (503, {}, {})], ids=["403", "503"]
)
def test_where_another_region_says_neither_yes_nor_no_nothing_is_claimed(answer: Any) -> None:
    with recording_server(REFUSED) as here, recording_server(answer) as there:
        finding = found(here.base_url, {"international": here.base_url, "beijing": there.base_url})
    assert "if it is right it is of another region" in finding.mend
    assert KEY not in f"{finding}"


def test_what_fails_otherwise_is_asked_nowhere_else() -> None:
    with recording_server((403, {}, {})) as here, recording_server(streamed("Hello.")) as there:
        finding = found(here.base_url, {"international": here.base_url, "beijing": there.base_url})
    assert ("the right to use the model" in finding.mend, there.requests) == (True, [])


def test_a_region_that_never_answers_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("companion.trial.ANSWERED", 1.0)
    began = time.monotonic()
    with recording_server(REFUSED) as here, socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        finding = found(here.base_url, {"international": here.base_url, "beijing": address})
    assert time.monotonic() - began < 4
    assert "does not accept the key" in finding.what


def test_unless_the_settings_say_otherwise_it_is_the_international_region() -> None:
    assert REGIONS["international"] == BASE_URL
