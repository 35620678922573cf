"""The sorting table of the service's errors, row by row, in every spelling and both shapes."""

import re
from typing import Any

import pytest

from companion.errors import Cause, PromptTooLong
from models.qwen_errors import Failed, failure, seconds

SECRET = "sk-0123456789 and a word that a child said"


def sort(status: int | None, code: str, message: str = SECRET, *, flat: bool = False, **more: Any) -> Failed:
    body = {"code": code, "message": message, "request_id": "1", **more}
    return failure(status, body if flat else {"error": body}, host="host", model="qwen-plus-character")


def snake(code: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code).lower()


ROWS = [
    (429, "Throttling", Cause.THROTTLED, True),
    (429, "Throttling.RateQuota", Cause.THROTTLED, True),
    (429, "Throttling.AllocationQuota", Cause.THROTTLED, True),
    (429, "LimitRequests", Cause.THROTTLED, True),
    (429, "LimitBurstRate", Cause.THROTTLED, True),
    (429, "InsufficientQuota", Cause.THROTTLED, True),
    (429, "SomethingNew", Cause.THROTTLED, True),
    (500, "InternalError", Cause.BROKEN, True),
    (500, "InternalError.Algo", Cause.BROKEN, True),
    (502, "", Cause.BROKEN, True),
    (503, "ModelUnavailable", Cause.BROKEN, True),
    (504, "RequestTimeOut", Cause.BROKEN, True),
    (501, "NotImplemented", Cause.BROKEN, False),
    (400, "InvalidParameter", Cause.REFUSED, False),
    (400, "DataInspectionFailed", Cause.MODERATED, False),
    (400, "Arrearage", Cause.REFUSED, False),
    (401, "InvalidApiKey", Cause.REFUSED, False),
    (403, "AccessDenied", Cause.REFUSED, False),
    (403, "AllocationQuota.FreeTierOnly", Cause.REFUSED, False),
    (404, "ModelNotFound", Cause.REFUSED, False),
    (413, "RequestTooLarge", Cause.REFUSED, False),
    (429, "CommodityNotPurchased", Cause.REFUSED, False),
    (429, "PrepaidBillOverdue", Cause.REFUSED, False),
    (429, "PostpaidBillOverdue", Cause.REFUSED, False),
    (302, "", Cause.REFUSED, False),
    (None, "Throttling.RateQuota", Cause.THROTTLED, True),
    (None, "InternalError", Cause.BROKEN, True),
    (None, "DataInspectionFailed", Cause.MODERATED, False),
    (None, "InternalError.Algo.DataInspectionFailed", Cause.MODERATED, False),
    (None, "InternalError.Algo.InvalidParameter", Cause.BROKEN, False),
    (None, "SomethingNew", Cause.BROKEN, False),
]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("spelt", [str, snake])
@pytest.mark.parametrize(("status", "code", "cause", "again"), ROWS)
def test_an_error_is_sorted_by_its_code(
    status: int | None, code: str, cause: Cause, again: bool, spelt: Any, flat: bool
) -> None:
    failed = sort(status, spelt(code), flat=flat)
    assert (failed.error.cause, failed.again) == (cause, again)
    assert "sk-" not in str(failed.error)
    assert "child" not in str(failed.error)
    assert len(str(failed.error)) <= 240


@pytest.mark.parametrize("code", ["insufficient_quota", "Throttling.AllocationQuota", ""])
def test_a_free_quota_that_is_used_up_is_told_to_the_owner_whatever_its_code(code: str) -> None:
    failed = sort(429, code, "Free allocated quota exceeded.")
    assert (failed.error.cause, failed.again) == (Cause.REFUSED, False)
    assert "console" in str(failed.error)


def test_a_key_that_is_refused_may_be_of_another_region() -> None:
    assert "region" in str(sort(401, "invalid_api_key", "Incorrect API key provided: sk-0123").error)


def test_a_prompt_that_is_too_long_tells_the_limit() -> None:
    message = "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]"
    error = sort(400, "invalid_parameter_error", message).error
    assert isinstance(error, PromptTooLong)
    assert error.limit == 30_720
    assert error.cause is Cause.TOO_LONG


def test_a_complaint_about_a_range_is_passed_on_without_the_rest_of_the_message() -> None:
    message = f"<400> InternalError.Algo.InvalidParameter: Range of top_p should be (0.0, 1.0] {SECRET}"
    sentence = str(sort(400, "invalid_parameter_error", message).error)
    assert "Range of top_p should be (0.0, 1.0]" in sentence
    assert "child" not in sentence


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("<400> InternalError.Algo.InvalidParameter: logit_bias has more than 13 entries", "logit_bias"),
        ("Range of n should be [1, 1]", "n"),
        ("The parameter 'n' is not supported by this model", "n"),
        ("Range of seed should be [0, 1]", None),
    ],
)
def test_parameters_that_one_can_do_without_are_named(message: str, parameter: str | None) -> None:
    assert sort(400, "invalid_parameter_error", message).parameter == parameter
    assert sort(500, "internal_error", message).parameter is None


def test_the_parameter_may_be_named_in_its_own_field() -> None:
    assert sort(400, "invalid_parameter_error", "No.", param="logit_bias").parameter == "logit_bias"


@pytest.mark.parametrize(
    "body", [None, "<html>Bad gateway</html>", [], {"error": "boom"}, {"error": None}, {"code": 7}]
)
def test_a_body_of_any_shape_is_sorted_by_its_status(body: Any) -> None:
    failed = failure(503, body, host="host", model="m")
    assert (failed.error.cause, failed.again) == (Cause.BROKEN, True)
    assert "boom" not in str(failed.error)


def test_the_text_of_an_error_finish_carries_a_code() -> None:
    failed = failure(None, None, host="h", model="m", told="<429> Throttling.RateQuota: too fast")
    assert (failed.error.cause, failed.again) == (Cause.THROTTLED, True)
    failed = failure(None, None, host="h", model="m", told="Output data may contain ...")
    assert failed.error.cause is Cause.BROKEN


@pytest.mark.parametrize(
    ("header", "wait"),
    [("0", 0.0), ("1.5", 1.5), (" 2 ", 2.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), (None, None)],
)
def test_a_retry_after_is_read_in_seconds(header: str | None, wait: float | None) -> None:
    assert seconds(header) == wait
