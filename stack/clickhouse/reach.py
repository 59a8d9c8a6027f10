"""What a statement may name, judged on the engine's own writing of it, which is also what runs for an analyst. Pure.

The engine parses a statement and writes it again (formatQuery): quotes, escapes and comments of the sender are gone,
and a name can be written in one way only. A second lexer over the sender's text would have to know every way.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from stack.clickhouse.statement import Token, is_select, tokens, unquoted

# Table functions that make their rows themselves; every other one of the engine reads files, the network or tables that
# no grant covers.
_HARMLESS_TABLE_FUNCTIONS = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "primes", "generaterandom", "generateseries", "generate_series"}
    | {"values", "sqlstandardvalues", "null", "format", "view", "viewexplain", "viewifpermitted"}
)
# Functions that read a file or ask the network, with no grant of the engine in the way.
_FILE_FUNCTIONS = frozenset({"file", "catboostevaluate", "showcertificate"})
_AI_FUNCTIONS = frozenset(
    {"aiclassify", "aiembed", "aiextract", "aifilter", "aigenerate", "airedact", "aisimilarity", "aitranslate"}
)
# Tables of `system` that describe data and engine, and nothing of what others ask. The server replaces
# system.processes by its own list, of the asking user's statements alone.
_SYSTEM_TABLES = frozenset(
    {"one", "numbers", "numbers_mt", "zeros", "zeros_mt", "databases", "tables", "columns", "parts", "parts_columns"}
    | {"projections", "projection_parts", "data_skipping_indices", "constraints", "functions", "table_functions"}
    | {"aggregate_function_combinators", "data_type_families", "formats", "settings", "merge_tree_settings", "keywords"}
    | {"documentation", "completions", "time_zones", "collations", "codecs", "table_engines", "database_engines"}
    | {"dictionaries", "clusters", "build_options", "contributors", "licenses", "privileges", "current_roles"}
    | {"enabled_roles", "metrics", "events", "merges", "processes"}
)


_END = Token("mark", b"", 0, 0, 0)


class Reach:
    """table_functions: the names of all that the engine has; one that is new to this list is out of reach."""

    def __init__(self, table_functions: Iterable[str]) -> None:
        names = {name.lower() for name in table_functions} - _HARMLESS_TABLE_FUNCTIONS
        self._reading_functions = names | _FILE_FUNCTIONS | _AI_FUNCTIONS

    def fault_of_anybody(self, canonical: bytes) -> str:
        """What no user may write, '' for nothing: what reads or writes a file of this machine, or connects anywhere."""
        found = list(tokens(canonical))
        for first, second in _pairs(found):
            if first.is_word(b"OUTFILE") or (first.is_word(b"FROM") and second.is_word(b"INFILE")):
                return f"{second.text.decode() if first.is_word(b'FROM') else 'OUTFILE'} is out of reach"
        return self._reading_function_in(found)

    def fault_of_analyst(self, canonical: bytes) -> str:
        """What an analyst may not write, '' for nothing. canonical: the statement as the engine writes it."""
        found = list(tokens(canonical))
        return (
            self.fault_of_anybody(canonical)
            or _escaped_name_in(found)
            or _identifier_parameter_in(found)
            or _system_table_in(found)
        )

    def _reading_function_in(self, found: list[Token]) -> str:
        for token, after in _pairs([*found, _END]):
            name = _name(token)
            if token.kind in ("word", "quoted") and (
                name in _FILE_FUNCTIONS or (after.text == b"(" and name in self._reading_functions)
            ):
                return f"{name}() is out of reach"
        return ""


def _escaped_name_in(found: Iterable[Token]) -> str:
    escaped = (token for token in found if token.kind == "quoted" and b"\\" in token.text)
    return next((f"the quoted name {token.text!a} holds an escape; write it plainly" for token in escaped), "")


def _identifier_parameter_in(found: Sequence[Token]) -> str:
    for colon, kind in _pairs(found):
        if colon.text == b":" and kind.is_word(b"IDENTIFIER") and colon.depth > 0:
            return "a parameter cannot be an Identifier for this user; write the name into the statement"
    return ""


def _system_table_in(found: Sequence[Token]) -> str:
    if len(found) > 1 and found[0].is_word(b"CHECK") and found[1].is_word(b"GRANT"):
        return ""  # whether a right is there, and nothing of what it would show
    for database, dot, table in zip(found, found[1:], found[2:], strict=False):
        if dot.text == b"." and _name(database) == "system" and _name(table) not in _SYSTEM_TABLES:
            return f"system.{_name(table)} is out of reach of this user"
        if dot.text == b"." and _name(database) == "system" and _name(table) == "processes" and not is_select(found[0]):
            return "system.processes can be asked by a SELECT alone: the engine's own table shows what others ask"
    if any(show.is_word(b"SHOW") and what.is_word(b"PROCESSLIST") for show, what in _pairs(found)):
        return "SHOW PROCESSLIST is out of reach of this user; ask system.processes for your own statements"
    return ""


def _name(token: Token) -> str:
    """As the engine compares names of functions: lower case, without quotes."""
    return unquoted(token).decode("utf-8", "replace").lower()


def _pairs(found: Sequence[Token]) -> Iterable[tuple[Token, Token]]:
    return pairwise(found)
