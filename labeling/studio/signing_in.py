"""Signs in to one's own Label Studio as a browser does, and makes a personal access token there.

For the server that `local` has started: nobody is there yet to click. An older token of the same
person is revoked, as Label Studio shows a token only once and allows one.
"""

from http import HTTPStatus

import httpx

from beltmark.contract.errors import InputError
from labeling.studio.tokens import check_token

_LIMIT_S = 60.0


def make_token(address: str, email: str, password: str) -> str:
    """Returns a new personal access token.

    Raises:
        InputError: The password is another now, or the server is none of this kind.
    """
    try:
        with httpx.Client(base_url=address, timeout=_LIMIT_S, trust_env=False) as http:
            _sign_in(http, email, password)
            made = _post(http, "/api/token/", {})
            if made.status_code == HTTPStatus.CONFLICT:
                for row in http.get("/api/token/").json():
                    _post(http, "/api/token/blacklist/", {"refresh": row["token"]})
                made = _post(http, "/api/token/", {})
            return check_token(made.raise_for_status().json()["token"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"no token could be made there: {type(error).__name__}",
            "make one in Label Studio (Account & Settings) and `beltmark-label connect`",
            file=address,
        ) from None


def _sign_in(http: httpx.Client, email: str, password: str) -> None:
    http.get("/user/login/").raise_for_status()
    given = {"email": email, "password": password, "csrfmiddlewaretoken": _csrf(http)}
    done = http.post("/user/login/", data=given, headers=_referer(http))
    if done.status_code != HTTPStatus.FOUND:
        raise InputError(
            f"does not let {email} in", "was the password changed there?", file=str(http.base_url)
        )


def _post(http: httpx.Client, path: str, body: object) -> httpx.Response:
    return http.post(path, json=body, headers={"X-CSRFToken": _csrf(http), **_referer(http)})


def _csrf(http: httpx.Client) -> str:
    return http.cookies.get("csrftoken") or ""


def _referer(http: httpx.Client) -> dict[str, str]:
    return {"Referer": f"{http.base_url}user/login/"}
