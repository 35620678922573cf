"""This file words the errors of the vendor's service: what is refused and how, in both shapes a body may have.

Source: the vendor's list of error messages. Codes in PascalCase come without an envelope, all others within one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


class Refused(Exception):
    """A request that gets an error instead of an answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str = "invalid_parameter_error",
        type: str = "invalid_request_error",
        flat: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """`flat`: the body has no envelope. `retry_after`: seconds, for the header of that name."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.type = type
        self.flat = flat
        self.retry_after = retry_after

    def body(self, request_id: str) -> dict[str, Any]:
        """The body of the error response."""
        return _shaped(str(self), self.code, self.type, request_id, flat=self.flat)


@dataclass(frozen=True, slots=True)
class VendorError:
    """One row of the vendor's list."""

    status: int
    code: str
    message: str
    why: str
    """When the service answers it, for whoever chooses a fault."""
    type: str = ""
    """"" where it is the code again."""
    flat: bool = False

    def refused(self, *, flat: bool | None, retry_after: float | None) -> Refused:
        """The refusal; `flat` None leaves it in the shape it usually has."""
        return Refused(
            self.message,
            status=self.status,
            code=self.code,
            type=self.type or self.code,
            flat=self.flat if flat is None else flat,
            retry_after=retry_after,
        )

    def body(self, request_id: str, *, flat: bool) -> dict[str, Any]:
        """The same within a stream that had begun well."""
        return _shaped(self.message, self.code, self.type or self.code, request_id, flat=flat)


_ACCOUNT = "Access denied, please make sure your account is in good standing."
_BAD = "invalid_request_error"

ERRORS: Mapping[str, VendorError] = MappingProxyType(
    {
        "Throttling.RateQuota": VendorError(
            429,
            "Throttling.RateQuota",
            "Requests rate limit exceeded, please try again later.",
            "too many requests a minute",
            flat=True,
        ),
        "limit_requests": VendorError(
            429,
            "limit_requests",
            "You have exceeded your current request limit.",
            "too many requests a minute",
        ),
        "limit_burst_rate": VendorError(
            429,
            "limit_burst_rate",
            "Request rate increased too quickly. Please slow down.",
            "too many requests at once",
        ),
        "insufficient_quota": VendorError(
            429,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
            "too many tokens a minute, whatever it says",
        ),
        "free_quota_exceeded": VendorError(
            429,
            "Throttling.AllocationQuota",
            "Free allocated quota exceeded.",
            "the free tokens are used up",
            flat=True,
        ),
        "CommodityNotPurchased": VendorError(
            429, "CommodityNotPurchased", "Commodity has not purchased yet.", "the service was never ordered", flat=True
        ),
        "PrepaidBillOverdue": VendorError(
            429, "PrepaidBillOverdue", "The prepaid bill is overdue.", "the account has a bill to pay", flat=True
        ),
        "PostpaidBillOverdue": VendorError(
            429, "PostpaidBillOverdue", "The postpaid bill is overdue.", "the account has a bill to pay", flat=True
        ),
        "500": VendorError(
            500, "internal_error", "An internal error has occurred, please try again later.", "the service broke"
        ),
        "503": VendorError(
            503, "ModelUnavailable", "The model is unavailable, please try again later.", "the model is not served"
        ),
        "504": VendorError(504, "RequestTimeOut", "Request timed out, please try again later.", "it took too long"),
        "data_inspection_failed": VendorError(
            400,
            "data_inspection_failed",
            "Input text data may contain inappropriate content.",
            "moderation of what was said",
        ),
        "DataInspectionFailed": VendorError(
            400,
            "DataInspectionFailed",
            "Input or output data may contain inappropriate content.",
            "moderation, the other spelling",
            flat=True,
        ),
        "Arrearage": VendorError(400, "Arrearage", _ACCOUNT, "the account owes money", flat=True),
        "401": VendorError(
            401, "invalid_api_key", "Incorrect API key provided.", "a wrong key, or one of another region", _BAD
        ),
        "403": VendorError(403, "access_denied", "Access denied.", "the key may not use this model"),
        "404": VendorError(
            404,
            "model_not_found",
            "The model does not exist or you do not have access to it.",
            "no such model",
            _BAD,
        ),
        "413": VendorError(413, "request_too_large", "Request body is too large.", "too many bytes were sent", _BAD),
    }
)
"""By the name of the fault that asks for it: the code, or the status where that tells as much."""

THROTTLED = VendorError(429, "Throttling", "Throttling: Requests throttling triggered.", "too much at once", flat=True)

OUTPUT_MODERATED = VendorError(
    400, "data_inspection_failed", "Output data may contain inappropriate content.", "moderation of the answer"
)


def _shaped(message: str, code: str, kind: str, request_id: str, *, flat: bool) -> dict[str, Any]:
    if flat:
        return {"code": code, "message": message, "request_id": request_id}
    return {"error": {"message": message, "type": kind, "param": None, "code": code}, "request_id": request_id}
