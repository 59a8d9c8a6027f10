"""The texts of the pages, by language."""

import tomllib
from pathlib import Path

HOME = "home"

# language -> reason or HOME -> (heading, text)
TEXTS: dict[str, dict[str, tuple[str, str]]] = {
    language: {name: (heading, text) for name, (heading, text) in texts.items()}
    for language, texts in tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8")).items()
}
