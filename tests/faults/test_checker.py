"""The checker finds each way of breaking the promise, and nothing else."""

from tests.faults.checker import ATTEMPTS, Allowance, Evidence, ProviderLine, Request, Score, score

ADDRESS = "one@example.com"


def line(
    request: str | None = "a", *, accepted: bool = True, code: int = 250, to: str = ADDRESS
) -> ProviderLine:
    return ProviderLine(request, to, accepted=accepted, code=code)


def refusal(code: int, request: str | None = "a", to: str = ADDRESS) -> ProviderLine:
    return line(request, accepted=False, code=code, to=to)


def judge(status: str | None, *lines: ProviderLine, allowance: Allowance | None = None) -> Score:
    evidence = Evidence({"a": Request(ADDRESS, status)}, lines)
    return score(evidence, allowance or Allowance())


def test_one_send_of_a_delivered_message_keeps_the_promise() -> None:
    assert judge("delivered", line()).passed


def test_a_delivered_message_that_nobody_was_handed_is_lost() -> None:
    result = judge("delivered")
    assert len(result.lost) == 1
    assert not result.passed


def test_a_message_without_a_final_state_is_lost_or_in_a_wrong_state() -> None:
    assert len(judge("pending").lost) == 1
    assert len(judge("pending", line()).wrong_states) == 1


def test_a_permanent_refusal_justifies_failed() -> None:
    assert judge("failed", refusal(550)).passed


def test_a_refusal_before_the_subject_counts_for_its_recipient() -> None:
    assert judge("failed", refusal(550, request=None)).passed
    assert not judge("failed", refusal(550, request=None, to="two@example.com")).passed


def test_temporary_refusals_justify_failed_only_when_all_attempts_were_made() -> None:
    assert not judge("failed", *[refusal(450)] * (ATTEMPTS - 1)).passed
    assert judge("failed", *[refusal(450)] * ATTEMPTS).passed


def test_failed_is_wrong_when_the_provider_took_it() -> None:
    result = judge("failed", line(), refusal(550))
    assert len(result.wrong_states) == 1
    assert result.lost == ()


def test_unknown_needs_a_reply_that_was_never_given() -> None:
    assert judge("unknown", line(code=0)).passed
    assert judge("unknown", refusal(0)).passed
    assert not judge("unknown", refusal(450)).passed


def test_expired_and_suppressed_have_no_justification_in_these_runs() -> None:
    assert not judge("expired").passed
    assert not judge("suppressed").passed


def test_what_nobody_asked_for_is_unexpected() -> None:
    assert len(judge("delivered", line(), line("b")).unexpected) == 1
    assert len(judge("delivered", line(), line(None)).unexpected) == 1


def test_an_unanswered_request_may_be_sent_or_not_but_not_twice() -> None:
    assert judge(None).passed
    assert judge(None, line()).passed
    assert not judge(None, line(), line()).passed


def test_a_second_send_needs_an_allowance() -> None:
    assert not judge("delivered", line(), line()).passed
    crash = Allowance(crashes=1, in_flight=1)
    assert judge("delivered", line(), line(), allowance=crash).passed


def test_a_crash_explains_one_more_send_of_a_message_however_many_are_in_flight() -> None:
    crash = Allowance(crashes=1, in_flight=32)
    assert not judge("delivered", line(), line(), line(), allowance=crash).passed


def test_more_duplicates_than_sends_in_flight_are_too_many() -> None:
    names = ("a", "b", "c")
    evidence = Evidence(
        {name: Request(ADDRESS, "delivered") for name in names},
        [line(name) for name in names for _ in range(2)],
    )
    assert score(evidence, Allowance(crashes=1, in_flight=3)).passed
    assert not score(evidence, Allowance(crashes=1, in_flight=2)).passed


def test_a_provider_that_took_it_without_a_word_excuses_the_next_send() -> None:
    result = judge("delivered", line(code=0), line())
    assert (result.duplicates, result.excused) == (1, 1)
    assert result.passed
    assert not judge("delivered", line(code=0), line(), line()).passed


def test_late_answers_are_allowed_as_many_as_there_were() -> None:
    late = Allowance(late_answers=1)
    assert judge("delivered", line(), line(), allowance=late).passed
    assert not judge("delivered", line(), line(), line(), allowance=late).passed


def test_a_broken_promise_is_told_with_numbers_and_names() -> None:
    text = str(judge("pending"))
    assert "1 accepted (1 pending)" in text
    assert "1 lost: a (pending" in text
