from records.own_visit import OwnVisits

KEY = bytes(range(16))
NOW_MS = 1_798_000_030_000
MINUTE_MS = 60_000

own = OwnVisits(KEY)


def test_a_mark_holds_for_its_code_about_a_minute():
    mark = own.mark("aB3dE5fG7", NOW_MS)

    assert own.holds("aB3dE5fG7", mark, NOW_MS)
    assert own.holds("aB3dE5fG7", mark, NOW_MS + MINUTE_MS)
    assert own.holds("aB3dE5fG7", mark, NOW_MS - MINUTE_MS)
    assert not own.holds("aB3dE5fG7", mark, NOW_MS + 2 * MINUTE_MS)


def test_a_mark_is_of_no_use_for_another_code_or_without_the_key():
    mark = own.mark("aB3dE5fG7", NOW_MS)

    assert not own.holds("aB3dE5fG8", mark, NOW_MS)
    assert not OwnVisits(bytes(16)).holds("aB3dE5fG7", mark, NOW_MS)
    for forged in ("", "own-verify", mark[:-1], mark.upper(), "\udcff\u00e9"):
        assert not own.holds("aB3dE5fG7", forged, NOW_MS)
