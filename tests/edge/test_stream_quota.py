from edge.stream_quota import LEAST_BYTES, MOST_BYTES, quota_from

GIB = 1 << 30


def info(used, limit):
    return b"# Memory\r\nused_memory:%d\r\nmaxmemory:%d\r\n" % (used, limit)


def test_a_lane_may_have_what_is_left_of_the_share_of_clicks():
    assert quota_from(info(used=590_000_000, limit=1_000_000_000)) == 10_000_000


def test_a_lane_may_never_have_more_than_the_most():
    assert quota_from(info(used=0, limit=GIB)) == MOST_BYTES
    assert quota_from(info(used=GIB, limit=0)) == MOST_BYTES


def test_a_full_redis_leaves_a_lane_the_least():
    assert quota_from(info(used=GIB, limit=GIB)) == LEAST_BYTES
