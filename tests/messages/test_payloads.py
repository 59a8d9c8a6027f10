import pytest

from messages.payloads import FORMATS


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.payload])
def test_a_payload_has_the_number_and_the_text_as_it_is(name):
    payload = str(FORMATS[name].payload("+14155550101", "Hi: https://go.acme.example/aB3dE5fG7"))

    assert "'+14155550101'" in payload
    assert "'Hi: https://go.acme.example/aB3dE5fG7'" in payload
