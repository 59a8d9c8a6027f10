from edge.unsettled_window import UnsettledWindow


def test_a_window_has_room_until_its_entries_fill_the_quota_and_again_when_they_are_settled():
    window = UnsettledWindow()
    window.quota_bytes = 100

    window.add(5, 60)
    assert window.has_room
    window.add(9, 60)
    assert not window.has_room

    window.settle(8)
    assert (window.has_room, window.bytes) == (True, 60)


def test_an_entry_counts_until_its_last_click_is_settled():
    window = UnsettledWindow()
    window.add(5, 60)

    window.settle(4)

    assert window.bytes == 60
