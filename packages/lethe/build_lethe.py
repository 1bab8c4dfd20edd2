"""The build backend of the engine's own distribution (PEP 517): pure Python, so that it builds without a network.

It packs ``src/lethe`` as it stands; nothing is copied into this folder. From a source distribution, which holds the
same tree beside this file, it builds the same wheel. Two wheels of one state are equal to the last bit.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
#: In the repository the sources are two folders up; in a source distribution they are here.
ROOT = HERE if (HERE / "src" / "lethe").is_dir() else HERE.parents[1]
#: The earliest moment that a ZIP can hold: builds do not differ by when they were made.
MOMENT = (1980, 1, 1, 0, 0, 0)
OWN = ("pyproject.toml", "build_lethe.py", "README.md")


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Nothing is needed to build."""
    return []


def get_requires_for_build_sdist(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Nothing is needed to build."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Write the metadata alone, for whoever resolves dependencies."""
    info = f"{_stem()}.dist-info"
    for name, content in _metadata_files(info):
        path = Path(metadata_directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return info


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build the wheel and return its file's name."""
    name = f"{_stem()}-py3-none-any.whl"
    info = f"{_stem()}.dist-info"
    files = [*_package("lethe"), *_metadata_files(info)]
    record = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in files]
    record.append(f"{info}/RECORD,,")
    files.append((f"{info}/RECORD", "\n".join(record).encode() + b"\n"))
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files:
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return name


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Build the source distribution and return its file's name."""
    name = f"{_stem()}.tar.gz"
    files = [(own, (HERE / own).read_bytes()) for own in OWN]
    files += [("LICENSE", (ROOT / "LICENSE").read_bytes()), ("PKG-INFO", _metadata().encode())]
    files += _package("src/lethe")
    with tarfile.open(Path(sdist_directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files:
            entry = tarfile.TarInfo(f"{_stem()}/{path}")
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return name


def _project() -> dict[str, Any]:
    return tomllib.loads((HERE / "pyproject.toml").read_text())["project"]


def _stem() -> str:
    project = _project()
    return f"{project['name']}-{project['version']}"


def _package(prefix: str) -> list[tuple[str, bytes]]:
    """Every file of the package, its data too, in order of name."""
    return [(f"{prefix}/{path.relative_to(root).as_posix()}", path.read_bytes()) for root, path in _sources()]


def _sources() -> Iterator[tuple[Path, Path]]:
    root = ROOT / "src" / "lethe"
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".pyc", ".po", ".pot"}:
            yield root, path


def _metadata_files(info: str) -> list[tuple[str, bytes]]:
    return [
        (f"{info}/METADATA", _metadata().encode()),
        (f"{info}/WHEEL", b"Wheel-Version: 1.0\nGenerator: build_lethe\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        (f"{info}/licenses/LICENSE", (ROOT / "LICENSE").read_bytes()),
    ]


def _metadata() -> str:
    project = _project()
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {project['requires-python']}",
        *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
        *(f"Requires-Dist: {needed}" for needed in project["dependencies"]),
    ]
    for extra, wanted in sorted(project["optional-dependencies"].items()):
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {needed}; extra == "{extra}"' for needed in wanted]
    lines.append("Description-Content-Type: text/markdown")
    return "\n".join(lines) + "\n\n" + (HERE / project["readme"]).read_text()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
