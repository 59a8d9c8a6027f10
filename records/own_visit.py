"""The mark by which an edge knows a visit that verification makes, and the proof that an edge answered. Pure.

Everybody may send the header; only a process that has the code key can make its value, which holds for one code and
two minutes. An edge answers a mark for PROOF_PATH with what only a process that has the code key can make of it.
"""

import hmac

HEADER = "taptrail-verify"
PURPOSE = "own-verify"  # what the row of such a visit has as its purpose; an edge takes it from nobody else
PROOF_PATH = "/.well-known/taptrail"
_MINUTE_MS = 60_000


class OwnVisits:
    """key: the code key, the same in every process."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mark(self, code: str, now_ms: int) -> str:
        return self._sealed(code, now_ms // _MINUTE_MS)

    def holds(self, code: str, mark: str, now_ms: int) -> bool:
        """Whether the mark was made for this code in this minute, the one before or, by another clock, the next."""
        minute = now_ms // _MINUTE_MS
        given = mark.encode("utf-8", "replace")
        return any(
            hmac.compare_digest(self._sealed(code, each).encode(), given) for each in range(minute - 1, minute + 2)
        )

    def proof(self, short_domain: str, mark: str) -> str:
        """What an edge that was asked under this domain by this mark answers; nobody without the key can."""
        return hmac.digest(self._key, f"taptrail-edge:{short_domain}:{mark}".encode(), "sha256").hex()

    def _sealed(self, code: str, minute: int) -> str:
        return hmac.digest(self._key, f"{HEADER}:{code}:{minute}".encode(), "sha256").hex()
