"""Charts as every page has them: drawn after the first paint, in the colours of the page, with a table on a button."""

import pytest

from control.pages.assets import address_of
from control.pages.render import _templates

_TEMPLATE = _templates.from_string(
    """{% import "macros.html" as ui %}
{% call ui.chart("taps", "Taps by hour", "Taps of people and machines in three hours.", option) %}
<table class="data"><thead><tr><th scope="col">Hour</th><th scope="col" class="num">People</th></tr></thead>
<tbody>{% for hour in option.xAxis.data %}
<tr><th scope="row">{{ hour }}</th><td class="num">{{ loop.index }}</td></tr>
{% endfor %}</tbody></table>
{% endcall %}"""
)
OPTION = {
    "xAxis": {"type": "category", "data": ["9:00", "<b>10:00</b>", "11:00"]},
    "yAxis": {"type": "value"},
    "legend": {},
    "tooltip": {"trigger": "axis"},
    "series": [
        {"type": "bar", "name": "People", "data": [5, 9, 3], "itemStyle": {"color": "@people"}},
        {"type": "line", "name": "Machines", "data": [1, 2, 1], "itemStyle": {"color": "@machines"}},
    ],
}


def drawn(screen):
    """A page with that chart; the page's own script would draw it in the same way."""
    page = screen.open("/reports")
    page.evaluate(
        "html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", _TEMPLATE.render(option=OPTION)
    )
    page.evaluate("address => import(address).then(module => module.drawAll())", address_of("chart.js"))
    page.wait_for_selector("[data-chart] svg")
    return page


def test_a_chart_is_drawn_and_its_table_is_on_a_button(screen):
    page = drawn(screen)
    table = page.locator("#taps-table")

    assert not table.is_visible()
    page.get_by_role("button", name="Show the table").click()

    assert table.is_visible()
    assert table.get_by_role("row").count() == 4
    assert page.get_by_role("button", name="Hide the table").get_attribute("aria-expanded") == "true"
    assert screen.faults_by_axe() == []


def test_a_chart_says_in_a_sentence_what_it_shows(screen):
    page = drawn(screen)

    plot = page.locator(".plot")

    assert plot.get_attribute("role") == "img"
    assert plot.get_attribute("aria-describedby") == "taps-description"


@pytest.mark.parametrize("kind", ["people", "machines"])
def test_a_chart_follows_the_theme(looks, shop, kind):
    screen = looks.signed_in(shop.key)
    page = drawn(screen)
    seen = []

    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        colour = page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name)", f"--{kind}")
        page.wait_for_selector(f"[data-chart] svg path[fill='{colour}'], [data-chart] svg path[stroke='{colour}']")
        seen.append(colour)

    assert seen[0] != seen[1]


def test_a_tooltip_shows_names_as_text(screen):
    page = drawn(screen)
    box = page.locator(".plot").bounding_box()

    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)

    assert page.locator(".plot b").count() == 0


def test_a_chart_becomes_a_picture(screen):
    page = drawn(screen)

    picture = page.evaluate("address => import(address).then(module => module.picture('taps'))", address_of("chart.js"))

    assert picture.startswith("data:image/png;base64,")
    assert len(picture) > 5_000


def test_a_phone_shows_the_whole_chart(looks, shop):
    screen = looks.signed_in(shop.key, "dark", 390)

    drawn(screen)

    assert screen.overflow() == 0
    assert screen.faults_by_axe() == []
