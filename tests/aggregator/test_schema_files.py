from aggregator.migrate import MIGRATIONS


def test_each_migration_has_the_next_number():
    assert [path.name[:4] for path in MIGRATIONS] == [f"{number:03}_" for number in range(1, len(MIGRATIONS) + 1)]
