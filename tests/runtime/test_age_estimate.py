from runtime.age_estimate import OldestAge


def test_the_age_of_waiting_clicks_starts_at_the_last_look_that_found_none():
    age = OldestAge(0, at_s=100.0)
    age.sample(done=5, last=5, now_s=110.0)

    age.sample(done=5, last=8, now_s=111.0)
    age.sample(done=5, last=9, now_s=130.0)

    assert age.seconds(done=5, last=9, now_s=131.0) >= 20
    assert age.seconds(done=9, last=9, now_s=131.0) == 0


def test_the_age_falls_again_once_a_backlog_is_through_though_new_ones_wait():
    age = OldestAge(0, at_s=100.0)
    age.sample(done=0, last=50, now_s=101.0)
    age.sample(done=0, last=90, now_s=160.0)

    age.sample(done=60, last=95, now_s=200.0)
    age.sample(done=96, last=97, now_s=201.0)

    assert 0 < age.seconds(done=96, last=97, now_s=202.0) <= 2.0


def test_an_age_is_never_told_too_low():
    age = OldestAge(0, at_s=0.0)
    arrived = {}
    for now in range(1, 50):
        arrived[now] = float(now)  # one a second, worked off in steps of seven
        done = now // 7 * 7
        age.sample(done, now, float(now))

        oldest = now - arrived[done + 1] if done < now else 0.0

        assert age.seconds(done, now, float(now)) >= oldest
