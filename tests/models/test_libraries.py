"""A library that is loaded before it is imported."""

from __future__ import annotations

import subprocess
import sys

from models.libraries import preload


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
