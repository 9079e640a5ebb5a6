from devstack.private_server import pick_reason


def test_picks_the_first_line_of_trouble_over_its_consequences() -> None:
    log = "LOG: starting\nFATAL: could not create lock file\nLOG: database system is shut down\n"
    assert pick_reason(log) == "FATAL: could not create lock file"


def test_leaves_out_the_stamp_of_rabbitmq() -> None:
    log = (
        "2026-11-20 22:23:16.095174+00:00 [error] <0.132.0> You've tried to set nonsense, but "
        "there is no setting with that name.\nError during startup: {error,failed}\n"
    )
    assert pick_reason(log) == (
        "You've tried to set nonsense, but there is no setting with that name"
    )


def test_picks_the_last_line_when_none_tells_of_trouble() -> None:
    assert pick_reason("one\ntwo.\n\n") == "two"


def test_says_so_when_the_log_is_empty() -> None:
    assert pick_reason("\n") == "it wrote nothing"
