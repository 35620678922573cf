"""This file sorts what the service says against a request, by its codes: told to whom, and worth another try or not.

No sentence holds words of the service's own, because they may repeat the key or the conversation; only codes, and
complaints about a range, which hold neither. Source: the vendor's list of error messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from companion.errors import Cause, NoReply, PromptTooLong


class Failed(Exception):
    """One attempt that failed."""

    def __init__(
        self, error: NoReply, *, again: bool = False, after: float | None = None, parameter: str | None = None
    ) -> None:
        """`again`: another attempt may do better, `after` seconds if the service said so. `parameter`: what the
        service does not take, of those that one can do without."""
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.after = after
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of errors."""

    cause: Cause
    sentence: str
    """`{host}` and `{model}` are filled in."""
    again: bool = False


MODERATED = Kind(Cause.MODERATED, "The service would not talk about this")
BILLING = Kind(
    Cause.REFUSED,
    "The account at {host} has nothing left to pay with: settle it, or activate the model, in the vendor's console",
)
BAD_KEY = Kind(Cause.REFUSED, "{host} does not accept the key: is it whole, and of the region of chat.base_url?")
THROTTLED = Kind(Cause.THROTTLED, "{host} takes no more requests just now", again=True)
TROUBLE = Kind(Cause.BROKEN, "{host} has trouble of its own", again=True)
BROKE_OFF = Kind(Cause.BROKEN, "{host} broke the reply off")

BY_CODE = {
    "data_inspection_failed": MODERATED,
    "arrearage": BILLING,
    "commodity_not_purchased": BILLING,
    "prepaid_bill_overdue": BILLING,
    "postpaid_bill_overdue": BILLING,
    "free_tier_only": BILLING,
    "invalid_api_key": BAD_KEY,
    "throttling": THROTTLED,
    "limit_requests": THROTTLED,
    "limit_burst_rate": THROTTLED,
    "insufficient_quota": THROTTLED,  # here tokens per minute, not money
}
"""By a part of the code, in snake_case. The order is of weight: the first that fits is it."""

BY_STATUS = {
    400: Kind(Cause.REFUSED, "{host} does not take the request as it is"),
    401: BAD_KEY,
    403: Kind(Cause.REFUSED, "The key may not use {model} at {host}: give it the right in the vendor's console"),
    404: Kind(Cause.REFUSED, "{host} knows no {model} at this address: check chat.model and chat.base_url"),
    413: Kind(Cause.REFUSED, "The request is too large for {host}: shorten the character's description"),
    429: THROTTLED,
    500: TROUBLE,
    502: TROUBLE,
    503: TROUBLE,
    504: TROUBLE,
}

UNEXPECTED = Kind(Cause.REFUSED, "{host} does not answer like the service: check chat.base_url")
"""Of any other status below 500: a captive portal's redirect, for instance."""

FREE_QUOTA_SPENT = "free allocated quota exceeded"
"""The one case told by its message alone: under the codes of throttling it says that the free tier is used up."""

TROUBLES = ("internal_error", "system_error", "model_serving_error", "request_time_out", "model_unavailable")
"""Codes inside a stream, where there is no status, for what would have been a 5xx."""

TOO_LONG = re.compile(r"Range of input length should be \[\d+, *(\d{1,9})\]")
RANGE = re.compile(r"(?:Range of )?[A-Za-z_]{1,30} (?:[a-z]{1,20} ){0,2}should be(?: in)? [\[(][-\d., ]{1,30}[\])]")
CODE_IN_TEXT = re.compile(r"\s*(?:<\d{3}>\s*)?([A-Za-z][\w.]{2,80}):")
"""How a message, and the text of an `error_finish`, begins that carries a code of its own."""
ALONE = re.compile(r"(?<![\w\\])n(?!\w)")
"""The parameter n, named in a message."""


def failure(
    status: int | None, body: object, *, host: str, model: str, after: float | None = None, told: str = ""
) -> Failed:
    """What an error means. `status`: None inside a stream. `body`: as decoded, envelope or flat. `told`: the text in
    place of a reply. `after`: seconds that the service asks to wait."""
    code, message, parameter = _told(body)
    message = message or told
    if too_long := TOO_LONG.search(message):
        limit = int(too_long[1])
        return Failed(PromptTooLong(limit, f"{model} takes at most {limit} tokens in one request"))
    kind = _kind(status, _parts(code, message), message)
    named = ", ".join(filter(None, (f"status {status}" if status else "", _quotable(code))))
    sentence = kind.sentence.format(host=host, model=model) + (f" ({named})" if named else "")
    if kind is BY_STATUS[400] and (complaint := RANGE.search(message)):
        sentence += f": {complaint[0]}"
    complained = _unwanted(parameter, message) if status == 400 else None
    return Failed(NoReply(kind.cause, sentence), again=kind.again, after=after, parameter=complained)


def seconds(header: str | None) -> float | None:
    """The wait that a Retry-After asks for; None for a date, which nobody sends here, and for nonsense."""
    return float(header) if header and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", header.strip()) else None


def _kind(status: int | None, parts: set[str], message: str) -> Kind:
    if FREE_QUOTA_SPENT in message.lower():
        return BILLING
    for part, kind in BY_CODE.items():
        if part in parts:
            return kind
    if status is None:
        return TROUBLE if parts.intersection(TROUBLES) and "invalid_parameter" not in parts else BROKE_OFF
    if status in BY_STATUS:
        return BY_STATUS[status]
    return UNEXPECTED if status < 500 else Kind(Cause.BROKEN, TROUBLE.sentence)


def _told(body: object) -> tuple[str, str, str]:
    """Code, message and parameter of an error's body, in either of its two shapes."""
    fields: Any = body if isinstance(body, dict) else {}
    if "error" in fields:
        fields = fields["error"] if isinstance(fields["error"], dict) else {"message": fields["error"]}
    code, message, parameter = (fields.get(name) for name in ("code", "message", "param"))
    return str(code or ""), str(message or ""), str(parameter or "")


def _parts(code: str, message: str) -> set[str]:
    """The parts of all codes there are: Throttling.RateQuota is throttling and rate_quota."""
    inner = CODE_IN_TEXT.match(message)
    codes = f"{code}.{inner[1] if inner else ''}"
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", codes).lower().split("."))


def _quotable(code: str) -> str:
    return code if re.fullmatch(r"[A-Za-z][\w.]{1,60}", code) and not code.lower().startswith("sk") else ""


def _unwanted(parameter: str, message: str) -> str | None:
    if parameter == "logit_bias" or "logit_bias" in message:
        return "logit_bias"
    return "n" if parameter == "n" or ALONE.search(message) else None
