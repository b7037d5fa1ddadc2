"""Tokens and the cookie of a person who signed in. Pure, but for the dice of `new_token`.

A cookie says until when it holds, and who knows the site's cookie secret can have written it. It is
bound to the token that was signed in with: a new admin token ends what the old one began.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

COOKIE_LASTS_S: Final = 30 * 24 * 3600.0
MAX_TOKEN_CHARACTERS: Final = 200

_COOKIE: Final = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})", re.ASCII)


def new_token() -> str:
    """A secret that nobody guesses: 256 bits, in characters that fit in a URL."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of a token that is not kept: its SHA-256. Its 256 bits need no salt."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def is_token(given: str, sha256: str) -> bool:
    """Whether a token is the one that has this hash, in a time that tells nothing about it."""
    return len(given) <= MAX_TOKEN_CHARACTERS and hmac.compare_digest(hash_token(given), sha256)


def write_cookie(secret: bytes, admin_sha256: str, now: float) -> str:
    """The cookie of a person who has signed in just now."""
    ends_at = str(int(now + COOKIE_LASTS_S))
    return f"{ends_at}.{_mac(secret, admin_sha256, ends_at)}"


def is_cookie(given: str, secret: bytes, admin_sha256: str, now: float) -> bool:
    """Whether a cookie is one that was written here, for this admin token, and still holds."""
    match = _COOKIE.fullmatch(given)
    if match is None:
        return False
    ends_at, mac = match.groups()
    is_ours = hmac.compare_digest(mac, _mac(secret, admin_sha256, ends_at))
    # One from the future was written before the clock was set back: it would hold for too long.
    return is_ours and now < int(ends_at) <= now + COOKIE_LASTS_S + 1


def _mac(secret: bytes, admin_sha256: str, ends_at: str) -> str:
    text = f"beltmark-fleet {admin_sha256} {ends_at}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
