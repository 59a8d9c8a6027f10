"""What look-ups of links asked for and took, in plain integers."""

import logging

from runtime.histogram import POWERS, SECONDS, Histogram

NOTED_EVERY_S = 60.0

log = logging.getLogger(__name__)


class LookupStats:
    """One of an edge process; memory, redis and failed count links by the tier that answered."""

    def __init__(self) -> None:
        self.memory = self.redis = self.failed = 0
        self.walks = 0  # look-ups of more than one step
        self.batch_links = Histogram(POWERS)  # links asked of Redis in one round trip
        self.query_seconds = Histogram(SECONDS)  # one query to ClickHouse, of any kind of record
        self.query_keys = Histogram(POWERS)
        self.text_glued = 0  # unknown codes that begin with an issued one
        self._note_again_at = 0.0

    def note_text_glued(self, short_domain: str, now_s: float) -> None:
        """Count a tap that was lost because of text behind its link; log its domain once a minute. now_s: steady."""
        self.text_glued += 1
        if now_s >= self._note_again_at:
            self._note_again_at = now_s + NOTED_EVERY_S
            log.warning(
                "text_glued_to_code: text straight behind a link made its code unknown; put a space behind the link",
                extra={"short_domain": short_domain, "taps": self.text_glued},  # a code is one person's
            )
