"""This file is where requests come in to the mock server, and where some are turned away: over HTTP, in JSON."""

from __future__ import annotations

import uuid
from contextlib import aclosing

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from models.mock_errors import Refused
from models.mock_reply import encode

LARGEST_BODY = 1024 * 1024
"""Bytes."""

INVALID_KEY = "sk-invalid"
"""The one key that is refused."""


async def body(request: Request) -> bytes:
    """The body of a request. Raises Refused as soon as it is too large."""
    body = bytearray()
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > LARGEST_BODY:
                raise Refused("Request body is too large.", status=413, code="request_too_large")
    return bytes(body)


def check_key(authorization: str) -> None:
    """Raises Refused where there is no key, or the invalid one."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused("You didn't provide an API key.", status=401, code="invalid_api_key")
    if key.strip() == INVALID_KEY:
        raise Refused("Incorrect API key provided.", status=401, code="invalid_api_key")


def refusal(_: Request, error: Exception) -> Response:
    """The response to a request that was Refused."""
    assert isinstance(error, Refused)
    request_id = str(uuid.uuid4())
    headers = {"x-request-id": request_id}
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    return Response(encode(error.body(request_id)), error.status, headers=headers, media_type="application/json")


def no_such_thing(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (path, method) in the vendor's envelope."""
    assert isinstance(error, HTTPException)
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    response = refusal(request, Refused(f"{error.detail}.", status=error.status_code, code=code))
    response.headers.update(error.headers or {})
    return response
