"""How every process begins and ends: settings, logs, event loop, exit status."""

import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from runtime.environment import S, SettingsError, settings_from
from runtime.logs import start_logging

log = logging.getLogger(__name__)


def run(
    name: str,
    settings_type: type[S],
    serve: Callable[[S], Coroutine[Any, Any, None]],
    *,
    hindrances: tuple[type[Exception], ...] = (OSError,),
) -> int:
    """Run serve(settings) to its end. 2: a setting is wrong, one line says which; 1: a hindrance, logged; else 0.

    settings_type: a Settings record with a log_level.
    """
    try:
        settings = settings_from(os.environ, settings_type)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    start_logging(name, settings.log_level)  # type: ignore[attr-defined]
    try:
        uvloop.run(serve(settings))
    except (SettingsError, ExceptionGroup) as error:  # a setting that the stores have shown to be wrong
        if (wrong := _setting_error(error)) is None:
            raise
        print(wrong, file=sys.stderr)
        return 2
    except hindrances as error:
        log.error(f"start_failed: {name} cannot start", extra={"error": str(error)})
        return 1
    return 0


def _setting_error(error: Exception) -> Exception | None:
    """The first SettingsError, on its own or of what the tasks of a group have raised."""
    if not isinstance(error, ExceptionGroup):
        return error if isinstance(error, SettingsError) else None
    return next(filter(None, map(_setting_error, error.exceptions)), None)
