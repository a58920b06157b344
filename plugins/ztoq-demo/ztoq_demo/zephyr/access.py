"""API tokens as the simulator hands them out and looks at them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from functools import lru_cache
from typing import Any

from ztoq_testkit.simulate import Refusal, Request

_DAY = 86_400
_KEY = b"simulated"
_PARTS = 3


def token(
    *, days: float = 365.0, account_id: str = "712020:simulated", now: float | None = None
) -> str:
    """Return a JWT that expires in ``days`` (negative: it has expired)."""
    issued = time.time() if now is None else now
    head = _encode({"alg": "HS256", "typ": "JWT"})
    claims = _encode(
        {
            "context": {"user": {"accountId": account_id}},
            "iss": "com.kanoah.test-manager",
            "iat": int(issued),
            "exp": int(issued + days * _DAY),
        }
    )
    signed = f"{head}.{claims}"
    return f"{signed}.{_base64(hmac.digest(_KEY, signed.encode(), hashlib.sha256))}"


def authorise(request: Request, fixed: str | None, now: float) -> None:
    """Accept a JWT that is well formed and has not expired, or only ``fixed`` where it is given.

    Zephyr's 401 has a body of its own, ``{"error": …}``, in five variants (schemas of 2026-08); its
    texts are not published, these are ours.

    Raises:
        Refusal: 401.
    """
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credentials:
        raise _refusal("Missing Authorization header")
    claims = _claims(credentials.strip())
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(expiry, int | float) and expiry <= now:
        raise _refusal("Invalid token: expired")
    if fixed is not None and credentials.strip() != fixed:
        raise _refusal("Invalid token: signature")


@lru_cache(maxsize=16)
def _claims(token: str) -> Any:
    """Return what a token says, read once: every request has the same one."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise _refusal("Invalid token: a JWT has three parts")
    return [_decode(part) for part in parts[:2]][1]


def _decode(part: str) -> Any:
    try:
        text = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refusal("Invalid token: not base64") from None
    try:
        return json.loads(text)
    except ValueError:
        raise _refusal("Invalid token: not JSON") from None


def _refusal(text: str) -> Refusal:
    return Refusal(401, {"error": text})


def _encode(claims: dict[str, Any]) -> str:
    return _base64(json.dumps(claims, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
