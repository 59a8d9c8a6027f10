import importlib.util
from array import array
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image.compile import SOURCE, compiled, missing
from records import machine_code
from records.code import DOMAIN, CodeCipher

KEY = bytes(range(16))
in_python = CodeCipher(KEY, machine=False)
NO_CODES = [
    "",
    "a" * 8,
    "a" * 10,
    "aaaa-aaaa",
    "aaaaaaaa\xe9",
    "aaaaaaaa\u20ac",
    "\U0001f600" * 9,
    "\x00" * 9,
    "@[`{/:aaa",
]


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("records.machine_code", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cipher_of(module: ModuleType) -> machine_code.MachineCipher:
    cipher: machine_code.MachineCipher = module.MachineCipher(in_python._keys)
    return cipher


interpreted = cipher_of(loaded(SOURCE))


@pytest.fixture(scope="module")
def compiled_module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    if why := missing():
        pytest.skip(f"THE COMPILED CIPHER IS NOT TESTED HERE: {why}")
    return loaded(compiled(tmp_path_factory.mktemp("compiled")))


@given(st.integers(0, DOMAIN - 1))
def test_the_file_that_is_compiled_gives_the_same_codes_interpreted(link_id):
    code = interpreted.seal(link_id)

    assert code == in_python.seal(link_id)
    assert interpreted.open(code) == link_id


@given(st.lists(st.integers(0, DOMAIN - 1)))
def test_it_seals_many_as_each_alone_interpreted(link_ids):
    assert interpreted.seal_all(array("Q", link_ids)).decode() == "".join(map(in_python.seal, link_ids))


@pytest.mark.parametrize("text", NO_CODES)
def test_what_is_no_code_opens_nothing_interpreted(text):
    assert interpreted.open(text) is in_python.open(text) is None


@pytest.mark.servers
def test_it_gives_the_same_codes_compiled(compiled_module):
    cipher = cipher_of(compiled_module)
    link_ids = [*range(2_000), *range(0, DOMAIN, DOMAIN // 20_000), DOMAIN - 1]

    codes = [cipher.seal(link_id) for link_id in link_ids]

    assert compiled_module.is_compiled()
    assert codes == [in_python.seal(link_id) for link_id in link_ids]
    assert [cipher.open(code) for code in codes] == link_ids
    assert cipher.seal_all(array("Q", link_ids)).decode() == "".join(codes)


@pytest.mark.servers
@pytest.mark.parametrize("text", NO_CODES)
def test_what_is_no_code_opens_nothing_compiled(compiled_module, text):
    assert cipher_of(compiled_module).open(text) is None


def test_what_was_compiled_is_not_older_than_its_source():
    """Python takes the compiled file first; `make .venv/compiled` makes it again."""
    if not machine_code.is_compiled():
        pytest.skip("records/machine_code.py is not compiled here")
    sources = SOURCE, SOURCE.with_suffix(".pxd")

    assert Path(machine_code.__file__).stat().st_mtime >= max(source.stat().st_mtime for source in sources)
