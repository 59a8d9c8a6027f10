import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pages.ink import BLACK, WHITE, contrast, ink_on, luminance_of


@given(st.integers(0, 0xFFFFFF))
def test_text_on_any_colour_contrasts_as_wcag_asks(color):
    on = f"#{color:06x}"

    assert contrast(luminance_of(on), luminance_of(ink_on(on))) >= 4.5


@pytest.mark.parametrize(
    ("color", "ink"), [("#000", WHITE), ("#fff", BLACK), ("#ff0", BLACK), ("#00f", WHITE), ("#0A5", BLACK)]
)
def test_the_ink_that_contrasts_more_is_taken(color, ink):
    assert ink_on(color) == ink


def test_contrast_is_that_of_wcag():
    assert contrast(luminance_of("#fff"), luminance_of("#000")) == pytest.approx(21)
    assert contrast(luminance_of("#777777"), luminance_of("#fff")) == pytest.approx(4.48, abs=0.005)
