from pathlib import Path

import pytest

from loadtest.interpreter import better_than, build_of

PLAIN, OPTIMISED = "'--prefix=/opt/python' '--enable-shared'", "'--enable-shared' '--enable-optimizations'"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "python3.11").touch()
    return tmp_path


def test_a_plain_build_gives_way_to_the_systems_of_the_same_version(system: Path) -> None:
    assert better_than("/opt/python", PLAIN, (3, 11, 7), system) == system / "python3.11"


def test_a_plain_build_stays_where_the_system_has_another_version(system: Path) -> None:
    assert better_than("/opt/python", PLAIN, (3, 13, 0), system) is None


@pytest.mark.parametrize(("prefix", "options"), [("/usr", PLAIN), ("/usr/local", OPTIMISED)])
def test_an_optimised_build_stays(prefix: str, options: str, system: Path) -> None:
    assert better_than(prefix, options, (3, 11, 7), system) is None


@pytest.mark.parametrize(
    ("prefix", "options", "said"),
    [
        ("/usr", PLAIN, "the system's build"),
        ("/usr/local", OPTIMISED, "built with --enable-optimizations"),
        ("/opt/python", PLAIN, "built without --enable-optimizations"),
    ],
)
def test_a_result_says_how_its_interpreter_was_built(prefix: str, options: str, said: str) -> None:
    assert build_of(prefix, options) == said
