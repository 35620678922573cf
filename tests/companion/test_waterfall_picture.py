"""Turns drawn beside each other: what can be read in the picture, and what becomes of its file."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from companion.errors import CompanionError, DeviceError
from companion.waterfall import COLOURS, WORDS
from companion.waterfall_picture import AXIS, NOTE, TITLE, Arm, check, picture

ARMS = [
    Arm("naive sequential", {"pause": 0.8, "transcribe": 0.912, "reply": 1.74, "voice": 0.83, "play": 0.01}),
    Arm("Companion", {"transcribe": 0.241, "reply": 0.31, "voice": 0.06, "pause": 0.09, "play": 0.01}),
]

SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path) -> list[str]:
    return ["".join(text.itertext()) for text in ET.parse(path).iter(f"{SVG}text")]


def fills(path: Path) -> list[str]:
    """The colours of what is filled, in the order of drawing."""
    return [colour.upper() for colour in re.findall(r"fill: (#\w{6})", path.read_text())]


def test_what_it_says_is_text_in_the_svg(tmp_path: Path) -> None:
    picture(ARMS, path := tmp_path / "turns.svg", machine="a desk")
    said = texts(path)
    assert {TITLE, f"a desk · {NOTE}", AXIS, "naive sequential", "Companion", "4292 ms", "711 ms"} <= set(said)
    assert {words.full for words in WORDS.values()} <= set(said)
    assert said.count(WORDS["reply"].full) == 1, "one legend for all"


def test_numbers_stand_in_the_stages_that_have_room_for_them(tmp_path: Path) -> None:
    picture(ARMS, path := tmp_path / "turns.svg")
    said = texts(path)
    assert {"800", "912", "1740", "830", "241", "310"} <= set(said)
    assert not {"60", "90", "10"} & set(said)


def test_a_stage_has_one_colour_in_all_arms(tmp_path: Path) -> None:
    picture(ARMS, path := tmp_path / "turns.svg")
    drawn = [colour for colour in fills(path) if colour in COLOURS.values()]
    bars, legend = drawn[:10], drawn[10:]
    assert bars == [COLOURS[stage] for arm in ARMS for stage in arm.stages]
    assert legend == [COLOURS[stage] for stage in ARMS[0].stages]


def test_a_dollar_is_a_dollar(tmp_path: Path) -> None:
    picture([Arm("from $1 to $2", {"reply": 1.0})], path := tmp_path / "turns.svg")
    assert "from $1 to $2" in texts(path)


@pytest.mark.parametrize("stages", [{}, {"reply": 0.0}, {"reply": -0.001}, {f"stage_{at}": 0.1 for at in range(12)}])
def test_whatever_was_measured_can_be_drawn(tmp_path: Path, stages: dict[str, float]) -> None:
    picture([Arm("odd", stages)], path := tmp_path / "turns.svg")
    assert f"{1000 * max(0.0, sum(stages.values())):.0f} ms" in texts(path)


@pytest.mark.parametrize(
    ("name", "begins"), [("turns.png", b"\x89PNG"), ("turns.svg", b"<?xml"), ("T.PNG", b"\x89PNG")]
)
def test_its_name_says_which_kind_of_file_it_is(tmp_path: Path, name: str, begins: bytes) -> None:
    check(tmp_path / name)
    picture(ARMS, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_figures_make_the_same_file(tmp_path: Path, suffix: str) -> None:
    one, other = tmp_path / f"one.{suffix}", tmp_path / f"other.{suffix}"
    picture(ARMS, one)
    picture(ARMS, other)
    assert one.read_bytes() == other.read_bytes()
    assert b"<dc:date>" not in one.read_bytes()


def test_the_owners_own_taste_changes_nothing_and_is_left_alone(tmp_path: Path) -> None:
    import matplotlib

    picture(ARMS, one := tmp_path / "one.svg")
    with matplotlib.rc_context({"font.size": 30.0, "axes.grid": True, "svg.fonttype": "path"}):
        picture(ARMS, other := tmp_path / "other.svg")
        assert matplotlib.rcParams["font.size"] == 30.0
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", ["turns.jpg", "turns", "png", ".svg"])
@pytest.mark.parametrize("refuses", [check, lambda path: picture(ARMS, path)])
def test_another_kind_of_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, refuses: Callable[[Path], None]
) -> None:
    with pytest.raises(ValueError, match=r"a picture is a \.png or an \.svg file") as refused:
        refuses(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("refuses", [check, lambda path: picture(ARMS, path)])
def test_without_matplotlib_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Callable[[Path], None]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("companion.waterfall_picture.find_spec", lambda name: None)
    with pytest.raises(CompanionError, match=r"pip install 'companion\[plot\]'"):
        refuses(tmp_path / "turns.png")
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"turns\.png: cannot be written \(No such file or directory\)"):
        picture(ARMS, tmp_path / "nowhere" / "turns.png")


def test_a_full_disk_leaves_the_picture_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "turns.png"
    path.write_bytes(b"the old one")

    def half(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(DeviceError, match="No space left on device"):
        picture(ARMS, path)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (link := tmp_path / "link.svg").symlink_to(tmp_path / "turns.svg")
    picture(ARMS, link)
    assert link.is_symlink()
    assert texts(tmp_path / "turns.svg")


def test_matplotlib_is_imported_by_nothing_but_drawing() -> None:
    program = (
        "import sys; from pathlib import Path; import companion.measuring; "
        "from companion.waterfall_picture import check; "
        "check(Path('turns.png')); sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
