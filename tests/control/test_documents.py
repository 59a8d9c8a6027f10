"""A field that a record is given stands in its body, patch, answer, row and options without another edit."""

from typing import Annotated

import click
import msgspec
import pytest
from click.testing import CliRunner

from cli.options import options_of
from control.http.documents import answer_of, applied, body_of, patch_of, shown, stated
from control.http.problems import Problem
from control.http.schemas import BroadcastBody, BroadcastPatch, DomainBody
from records.broadcast import Broadcast
from records.domain import Domain
from records.forms import WORD, Option
from records.tables import BROADCASTS, in_force


class Wider(Broadcast, frozen=True, array_like=True):
    dialect: Annotated[str, WORD, Option("Of its text, such as en-GB.")] = "en"


STORED = Wider(7, "main", "spring", "go.acme.example", ("https://shop.acme.example/",), version=3)


def test_a_new_field_is_in_the_body():
    body = body_of(Wider, "WiderBody")
    given = b'{"short_domain":"go.acme.example","destinations":["https://shop.acme.example/"]'

    left_out = msgspec.json.decode(given + b"}", type=body)
    named = msgspec.json.decode(given + b',"dialect":"en-GB"}', type=body)

    assert applied(STORED, left_out).dialect == "en"
    assert applied(STORED, named).dialect == "en-GB"
    with pytest.raises(msgspec.ValidationError, match=r"length <= 64 - at `\$.dialect`"):
        msgspec.json.decode(given + b',"dialect":"' + b"x" * 65 + b'"}', type=body)


def test_a_new_field_is_in_the_patch():
    patch = patch_of(Wider, "WiderPatch", "")

    assert applied(STORED, msgspec.json.decode(b'{"dialect":"en-IE"}', type=patch)) == msgspec.structs.replace(
        STORED, dialect="en-IE"
    )
    assert applied(STORED, msgspec.json.decode(b"{}", type=patch)) == STORED


def test_a_new_field_is_in_the_answer():
    answer = answer_of(Wider, "WiderAnswer", {"account": str})

    assert msgspec.to_builtins(answer(account="main", **shown(STORED)))["dialect"] == "en"
    assert "dialect" in msgspec.json.schema(answer)["$defs"]["WiderAnswer"]["required"]


def test_a_new_field_is_in_the_row():
    selected = in_force(BROADCASTS._replace(record=Wider), "version >= 0")

    assert ", deleted, text, timezone, preview, dialect FROM broadcasts" in selected
    assert msgspec.structs.asdict(STORED)["dialect"] == "en"
    assert msgspec.json.decode(msgspec.json.encode(STORED), type=Wider) == STORED


def test_a_new_field_is_an_option():
    @click.command()
    @options_of(Wider)
    def put(**given):
        click.echo(given["dialect"])

    required = ["--domain", "go.acme.example", "--to", "https://shop.acme.example/"]

    assert CliRunner().invoke(put, [*required, "--dialect", "en-IE"]).output == "en-IE\n"
    said = " ".join(CliRunner().invoke(put, ["--help"]).output.split())
    assert "Of its text, such as en-GB. [default: en]" in said


def test_null_takes_a_value_away_and_what_a_patch_leaves_out_stays():
    stored = msgspec.structs.replace(
        STORED, keyword="SPRING", expires_at_ms=1_893_456_000_123, status=307, fallback="https://over.example/",
        sent_at_ms=1_893_456_000_001,
    )  # fmt: skip
    patch = msgspec.json.decode(b'{"expires_at":null,"status":null,"fallback":null}', type=BroadcastPatch)

    assert stated(patch) == {"expires_at": None, "status": None, "fallback": None}
    assert applied(stored, patch) == msgspec.structs.replace(stored, expires_at_ms=0, status=0, fallback="")
    with pytest.raises(msgspec.ValidationError, match=r"got `null` - at `\$.keyword`"):
        msgspec.json.decode(b'{"keyword":null}', type=BroadcastPatch)


@pytest.mark.parametrize(
    ("document", "stored", "field", "detail"),
    [
        (BroadcastPatch(keyword="A\nB"), STORED, "keyword", "keyword holds a control character (U+000A); take it out"),
        (BroadcastPatch(fallback=""), STORED, "fallback", 'fallback is ""; expected a URL, or null for none'),
        (
            DomainBody(home=""),
            Domain("go.acme.example", "main"),
            "home",
            'home is ""; expected a URL, or null for none',
        ),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_by_the_name_of_its_field(document, stored, field, detail):
    with pytest.raises(Problem) as refused:
        applied(stored, document)

    assert (refused.value.field, refused.value.detail) == (field, detail)


def test_a_body_says_what_is_shown_of_it():
    body = BroadcastBody(short_domain="go.acme.example", destinations=["https://shop.acme.example/"], status=307)
    record = applied(Broadcast(7, "main", "spring", "", ()), body)

    assert shown(record) == stated(body)
