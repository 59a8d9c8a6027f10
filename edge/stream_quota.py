"""How many bytes of clicks a lane may have in Redis before they are in ClickHouse. Pure."""

MOST_BYTES = 32 * 1024 * 1024
LEAST_BYTES = 1024 * 1024  # however full Redis is: links may have filled it, and clicks must get through anyway
CLICKS_SHARE = 0.6  # of Redis's limit; the rest stays free for links


def quota_from(info: bytes) -> int:
    """info: what Redis answers to INFO memory.

    As much as is still free of the share of all clicks (Choudhury and Hahne, "Dynamic queue length thresholds", 1998):
    lanes that are in need have equal parts without knowing of each other, and as much is left for the next lane.
    """
    fields = dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)
    limit, used = int(fields.get(b"maxmemory", 0)), int(fields.get(b"used_memory", 0))
    if not limit:
        return MOST_BYTES
    return min(MOST_BYTES, max(LEAST_BYTES, int(limit * CLICKS_SHARE) - used))
