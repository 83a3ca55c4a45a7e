"""The files of tested versions, tests/stacks/*.txt."""

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.stacks import versions

ROOT = Path(__file__).parents[1]
FILES = sorted(versions.FOLDER.glob("python*.txt"))


def pinned(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_tested_versions_are_within_what_setup_cfg_allows(path):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    python = re.search(r"3\.\d+", path.stem).group()
    has = pinned(path)
    required = map(Requirement, setup["options"]["install_requires"].strip().splitlines())
    for requirement in required:
        marker = requirement.marker
        if marker is None or marker.evaluate({"python_version": python}):
            assert Version(has[versions.normal(requirement.name)]) in requirement.specifier


def test_there_is_a_file_for_every_python_that_setup_cfg_names():
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    named = set(re.findall(r":: Python :: (3\.\d+)", text))
    assert {path.stem.removeprefix("python") for path in FILES} == named


def test_what_is_installed_with_its_requirements(tmp_path, monkeypatch):
    def write(name, release, *requires):
        folder = tmp_path / f"{name.replace('-', '_')}-{release}.dist-info"
        folder.mkdir()
        lines = [f"Name: {name}", f"Version: {release}", *(f"Requires-Dist: {r}" for r in requires)]
        (folder / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    write("aa-root", "1.0", "aa_part>=1", "aa-old; python_version < '3'", "aa-more; extra == 'm'")
    write("aa-part", "2.13.0+cpu", "nvidia-thing", "aa-root", "aa-deep[e]")
    write("aa-more", "3.1")
    write("aa-deep", "4.0", "aa-extra; extra == 'e'", "aa-not-there; extra == 'f'")
    write("aa-extra", "5", "aa-gone")
    expected = {"aa-part": "2.13.0", "aa-deep": "4.0", "aa-extra": "5"}
    assert versions.installed("aa-root", frozenset()) == expected
    assert versions.installed("aa-root", frozenset(["m"])) == {**expected, "aa-more": "3.1"}
