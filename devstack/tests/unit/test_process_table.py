from devstack.process_table import Entry, parse_stat

TAIL = "1 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10"


def test_reads_parent_and_birth_from_a_stat_line() -> None:
    assert parse_stat(f"4242 (redis) S {TAIL}", "boot") == Entry(4242, 1, "boot:987654")


def test_is_not_confused_by_a_command_name_with_parentheses_and_spaces() -> None:
    assert parse_stat(f"4242 (a) S 7 (b) R {TAIL}", "boot") == Entry(4242, 1, "boot:987654")


def test_counts_a_zombie_as_dead() -> None:
    assert parse_stat(f"4242 (redis) Z {TAIL}", "boot") is None
