"""The texts of the pages, by language."""

import tomllib
from importlib.resources import files

HOME = "home"

# language -> reason or HOME -> (heading, text)
TEXTS: dict[str, dict[str, tuple[str, str]]] = {
    language: {name: (heading, text) for name, (heading, text) in texts.items()}
    for language, texts in tomllib.loads(files("edge.pages").joinpath("texts.toml").read_text("utf-8")).items()
}
