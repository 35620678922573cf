"""What comes from the hub is whole and what the hub says it is, or it does not come."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hub_here import COMMIT, Fault, HubHere, git_sha1, hub_here, sha256

from companion.errors import NotPulled, SettingsError
from models.hub import Hub, Known, onward
from models.manifest import Remote

LARGE = Remote("owner/name", "main", "folder/large.bin")
SMALL = Remote("owner/name", "main", "small.json")
CONTENT = np.random.default_rng(0).bytes(200_000)


@pytest.fixture
def server() -> Iterator[HubHere]:
    with hub_here() as server:
        server.add(LARGE.repository, LARGE.revision, LARGE.path, CONTENT)
        server.add(SMALL.repository, SMALL.revision, SMALL.path, b'{"small": true}\n')
        yield server


def load(server: HubHere, part: Path, remote: Remote = LARGE) -> None:
    with Hub(server.environment) as hub:
        hub.load(remote, hub.known(remote), part, lambda _: None)


def refusal(server: HubHere, part: Path, remote: Remote = LARGE) -> str:
    with pytest.raises(NotPulled) as caught:
        load(server, part, remote)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "large.bin.part"


def test_of_a_file_that_lies_elsewhere_the_hub_tells_size_digest_and_commit(server: HubHere) -> None:
    with Hub(server.environment) as hub:
        assert hub.known(LARGE) == Known(len(CONTENT), f"sha256:{sha256(CONTENT)}", COMMIT)
    assert server.requests == [], "what it is asked for is not loaded for that"


def test_of_a_small_file_the_digest_is_that_of_git(server: HubHere) -> None:
    with Hub(server.environment) as hub:
        known = hub.known(SMALL)
    assert known == Known(16, f"git:{git_sha1(server.files[str(SMALL)])}", COMMIT)


@pytest.mark.parametrize("remote", [LARGE, SMALL])
def test_a_file_arrives_whole(server: HubHere, tmp_path: Path, remote: Remote) -> None:
    load(server, tmp_path / "part", remote)
    assert (tmp_path / "part").read_bytes() == server.files[str(remote)]
    assert server.sent == len(server.files[str(remote)])


def test_an_empty_file_arrives_too(server: HubHere, tmp_path: Path) -> None:
    server.files[str(SMALL)] = b""
    load(server, tmp_path / "part", SMALL)
    assert (tmp_path / "part").read_bytes() == b""


def test_it_tells_how_far_it_is(server: HubHere, part: Path) -> None:
    told: list[int] = []
    with Hub(server.environment) as hub:
        hub.load(LARGE, hub.known(LARGE), part, told.append)
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)


def test_a_connection_that_is_cut_is_gone_on_from_and_no_byte_comes_twice(server: HubHere, part: Path) -> None:
    server.faults.extend([Fault(cut=50_000), Fault(cut=100_000)])
    load(server, part)
    assert part.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=50000-", "bytes=150000-"]
    assert server.sent == len(CONTENT)


def test_what_was_loaded_before_is_gone_on_from(server: HubHere, part: Path) -> None:
    part.write_bytes(CONTENT[:123_456])
    load(server, part)
    assert part.read_bytes() == CONTENT
    assert server.sent == len(CONTENT) - 123_456


def test_what_is_whole_already_is_not_asked_for(server: HubHere, part: Path) -> None:
    part.write_bytes(CONTENT)
    load(server, part)
    assert server.ranges == []


def test_a_server_that_brings_nothing_new_is_given_up_and_what_came_is_kept(server: HubHere, part: Path) -> None:
    server.faults.extend([Fault(cut=50_000), *[Fault(cut=0)] * 3])
    assert "0.1 MB of 0.2 MB of large.bin are here" in refusal(server, part)
    assert part.read_bytes() == CONTENT[:50_000]
    load(server, part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(server: HubHere, part: Path) -> None:
    part.write_bytes(b"?" * 70_000)
    server.faults.append(Fault(ignore_range=True))
    load(server, part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_has_no_such_range_is_asked_for_all_of_it(server: HubHere, part: Path) -> None:
    part.write_bytes(CONTENT[:70_000])
    server.faults.append(Fault(status=416))
    load(server, part)
    assert part.read_bytes() == CONTENT
    assert server.ranges == ["bytes=70000-", ""]


def test_what_goes_on_at_another_place_than_asked_is_not_taken(server: HubHere, part: Path) -> None:
    part.write_bytes(CONTENT[:70_000])
    server.faults.append(Fault(shifted=10))
    load(server, part)
    assert part.read_bytes() == CONTENT


def test_more_than_there_should_be_is_begun_anew(server: HubHere, part: Path) -> None:
    part.write_bytes(CONTENT + b"more")
    load(server, part)
    assert part.read_bytes() == CONTENT


def test_what_arrives_damaged_is_refused_and_nothing_of_it_is_kept(server: HubHere, part: Path) -> None:
    server.faults.append(Fault(body=CONTENT[:-1] + b"?"))
    said = refusal(server, part)
    assert sha256(CONTENT) in said
    assert "damaged" in said
    assert not part.exists()


def test_half_of_another_file_does_not_become_a_whole_one(server: HubHere, part: Path) -> None:
    part.write_bytes(b"?" * 70_000)
    assert "damaged" in refusal(server, part)
    assert not part.exists()


def test_a_file_longer_than_the_hub_says_is_refused_before_it_fills_the_disk(server: HubHere, part: Path) -> None:
    server.faults.append(Fault(body=CONTENT * 30))
    told: list[int] = []
    with Hub(server.environment) as hub, pytest.raises(NotPulled, match=r"more of large.bin than it says"):
        hub.load(LARGE, hub.known(LARGE), part, told.append)
    assert max(told) <= len(CONTENT)
    assert not part.exists()


def test_a_file_shorter_than_the_hub_says_is_told(server: HubHere, part: Path) -> None:
    server.faults.extend([Fault(body=CONTENT[:1000]), *[Fault(body=CONTENT[:1000])] * 3])
    assert "ended too soon" in refusal(server, part)


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://huggingface.co/a", "http://cdn.example/a"),
        ("https://huggingface.co/a", "http://127.0.0.1/a"),
        ("https://localhost/a", "http://localhost/a"),
        ("http://127.0.0.1:1/a", "http://192.0.2.1/a"),
        ("http://127.0.0.1:1/a", "ftp://127.0.0.1/a"),
        ("http://127.0.0.1:1/a", "file:///etc/passwd"),
        ("https://huggingface.co/a", "http://[broken"),
    ],
)
def test_a_redirect_to_where_anybody_could_change_it_is_refused(url: str, location: str) -> None:
    with pytest.raises(NotPulled):
        onward(url, location)


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("https://huggingface.co/a/b", "/c?d=e", "https://huggingface.co/c?d=e"),
        ("https://huggingface.co/a", "https://cdn.example/b", "https://cdn.example/b"),
        ("http://127.0.0.1:1/a", "http://localhost:2/b", "http://localhost:2/b"),
        ("http://127.0.0.1:1/a", "https://cdn.example/b", "https://cdn.example/b"),
    ],
)
def test_other_redirects_are_followed(url: str, location: str, target: str) -> None:
    assert onward(url, location) == target


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_the_hub_leading_to_plain_http_is_refused_with_a_sentence(server: HubHere, part: Path, method: str) -> None:
    if method == "HEAD":
        server.heads["location"] = "http://192.0.2.1/large.bin"
        server.heads["x-linked-etag"] = None
    else:
        server.faults.append(Fault(location="http://192.0.2.1/large.bin?secret=1"))
    said = refusal(server, part)
    assert "leads to http://192.0.2.1, where everybody on the way could change what comes: refused" in said
    assert "secret" not in said
    assert not part.exists()


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_redirects_in_a_circle_come_to_an_end(server: HubHere, part: Path, method: str) -> None:
    if method == "HEAD":
        server.heads["location"] = f"/{SMALL.repository}/resolve/{SMALL.revision}/{SMALL.path}"
        assert "in circles" in refusal(server, part, SMALL)
    else:
        server.faults.extend([Fault(location="/elsewhere/" + str(LARGE) + "?signature=1")] * 9)
        assert "in circles" in refusal(server, part)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "has no owner/name@main/folder/large.bin"),
        (401, "does not give"),
        (403, "does not give"),
        (429, "answers 429 for large.bin: try again"),
        (503, "answers 503 for large.bin: try again"),
    ],
)
def test_each_refusal_of_the_hub_is_a_sentence(server: HubHere, part: Path, status: int, words: str) -> None:
    server.status = status
    assert words in refusal(server, part)


@pytest.mark.parametrize(
    "headers", [{"etag": None}, {"etag": '"7f3c-1"'}, {"content-length": None}, {"etag": "x" * 40}]
)
def test_a_file_of_which_nobody_can_tell_whether_it_is_whole_is_not_loaded(
    server: HubHere, part: Path, headers: dict[str, str | None]
) -> None:
    server.heads |= headers
    assert "does not say which digest" in refusal(server, part, SMALL)
    assert server.ranges == []


def test_where_nobody_listens_that_is_one_sentence(part: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with (
        Hub({"HF_ENDPOINT": address}) as hub,
        pytest.raises(NotPulled, match=r"cannot be reached .* is there a network"),
    ):
        hub.known(LARGE)


def test_a_server_that_is_gone_before_the_file_is_asked_for_is_told(part: Path) -> None:
    with hub_here() as server, Hub(server.environment) as hub:
        server.add(LARGE.repository, LARGE.revision, LARGE.path, CONTENT)
        known = hub.known(LARGE)
        server.faults.extend([Fault(cut=0)] * 9)
        with pytest.raises(NotPulled, match="the same command goes on from there"):
            hub.load(LARGE, known, part, lambda _: None)


@pytest.mark.parametrize("value", ["1", "true", "YES", "ON"])
def test_offline_is_offline(value: str) -> None:
    with pytest.raises(NotPulled, match="HF_HUB_OFFLINE is set"):
        Hub({"HF_HUB_OFFLINE": value})


@pytest.mark.parametrize(
    "address",
    ["http://mirror.example", "mirror.example", "ftp://mirror.example", "https://", "https://a b", "https://[x"],
)
def test_a_mirror_that_could_be_changed_on_the_way_or_is_none_is_a_mistake(address: str) -> None:
    with pytest.raises(SettingsError, match="HF_ENDPOINT should"):
        Hub({"HF_ENDPOINT": address})


@pytest.mark.parametrize("environment", [{}, {"HF_ENDPOINT": ""}, {"HF_HUB_OFFLINE": "0"}])
def test_without_a_mirror_it_is_the_hub(environment: dict[str, str]) -> None:
    with Hub(environment) as hub:
        assert hub.address == "https://huggingface.co"


def test_what_cannot_be_written_is_told(server: HubHere, tmp_path: Path) -> None:
    assert "cannot be written (No such file or directory)" in refusal(server, tmp_path / "nowhere" / "part")
