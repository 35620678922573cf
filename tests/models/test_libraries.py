"""A library that is loaded before it is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from models.libraries import preload, without


def test_it_is_loaded_and_python_imports_it_as_ever() -> None:
    program = (
        "from models.libraries import preload\n"
        "def mapped(): return 'onnxruntime_pybind11_state' in open('/proc/self/maps').read()\n"
        "assert not mapped()\n"
        "preload('onnxruntime', 'capi/onnxruntime_pybind11_state*.so')\n"
        "assert mapped()\n"
        "import onnxruntime\n"
        "assert onnxruntime.get_available_providers()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


def test_what_is_not_there_is_left_to_the_import() -> None:
    preload("no_such_package", "*.so")
    preload("companion", "no/such/*.so")
    preload("companion", "*.py")


def test_a_part_that_is_not_needed_stays_away_until_somebody_needs_it() -> None:
    program = (
        "import sys\n"
        "from models.libraries import without\n"
        "with without('av'):\n"
        "    import faster_whisper\n"
        "assert not any(name.startswith('av') for name in sys.modules)\n"
        "import av\n"
        "assert av.open\n"
        "with without('av'):\n"
        "    import av as still\n"
        "assert still.open and sys.modules['av'] is still\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


def test_a_library_that_needs_the_part_after_all_says_so() -> None:
    with pytest.raises(ImportError), without("no_such_part"):
        from no_such_part import anything  # type: ignore[import-not-found]  # noqa: F401
    assert "no_such_part" not in sys.modules
