"""The map of the world: a drawing without style or script, of countries that have names."""

import json
from pathlib import Path
from xml.etree import ElementTree

from control.pages import countries
from control.pages.assets import ASSETS

SVG = ASSETS["world.svg"].data
LISTED = json.loads(Path(countries.__file__).with_name("world").joinpath("countries.json").read_text())


def test_every_shape_is_a_country_and_what_is_drawn_has_a_shape():
    shapes = [shape.attrib["name"] for shape in ElementTree.fromstring(SVG)]

    assert set(shapes) == {name for name, is_drawn in LISTED.values() if is_drawn}
    assert len(shapes) == 176  # Cyprus and Somalia are two shapes each


def test_it_is_outlines_alone():
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(SVG).iter()}
    attributes = {name for element in ElementTree.fromstring(SVG) for name in element.attrib}

    assert (tags, attributes) == ({"svg", "path"}, {"name", "d"})


def test_countries_have_english_names_and_others_keep_their_code():
    assert (countries.name_of("DE"), countries.name_of("GB")) == ("Germany", "United Kingdom")
    assert (countries.name_of("ZZZ"), countries.name_of("")) == ("ZZZ", "Not known")
    assert countries.is_drawn("XK")
    assert not countries.is_drawn("SG")
    assert not countries.is_drawn("")
