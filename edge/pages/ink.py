"""Which text can be read on a colour, by WCAG 2.2."""

BLACK, WHITE = "#000", "#fff"


def ink_on(color: str) -> str:
    """Black or white, whichever contrasts more with a colour such as #0a5 or #00aa55: at least 4.58 to 1 on any.

    The smaller contrast of the two is the largest where both are sqrt(21), and WCAG 1.4.3 asks for 4.5.
    """
    luminance = luminance_of(color)
    return WHITE if contrast(luminance, 1.0) > contrast(luminance, 0.0) else BLACK


def contrast(one: float, other: float) -> float:
    """The contrast ratio of two relative luminances."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def luminance_of(color: str) -> float:
    """Relative luminance, from 0 for black to 1 for white."""
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (_linear(int(digits[at : at + 2], 16) / 255) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
