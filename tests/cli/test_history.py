import io

from rich.console import Console

from cli.history import table_of
from tests.support.control import SHOP

CREATED = {
    "version": 1, "who": None, "what": "recorded", "when": "2026-05-01T09:00:00Z", "before": None,
    "after": {"destinations": [SHOP], "keyword": "", "stopped": False, "source": "sms"},
}  # fmt: skip
FIXED = {
    "version": 12, "who": {"account": "acme/seattle", "key": "env-0a1b2c3d"}, "what": "changed",
    "when": "2026-05-01T10:30:00.250000Z", "before": {"destinations": [SHOP], "stopped": False, "expires_at": None},
    "after": {"destinations": ["https://shop.acme.example/a/long/way/to/the/sale"], "stopped": True,
              "expires_at": "2026-12-31T23:00:00Z"},
}  # fmt: skip


def test_the_table_of_changes_is_whole_at_80_columns():
    screen = Console(file=io.StringIO(), width=80, soft_wrap=True, markup=False, emoji=False, highlight=False)

    screen.print(table_of("spring", [CREATED, FIXED]))

    text = screen.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "2026-05-01 10:30:00Z" in text
    assert "acme/seattle" in text
    assert "…" not in text
    for said in ("recorded", "source: sms", "stopped: false -> true", "expires_at: none ->", "2026-12-31T23:00:00Z"):
        assert said in text
