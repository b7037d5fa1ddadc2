import pytest

from fleet_server.tokens import (
    COOKIE_LASTS_S,
    hash_token,
    is_cookie,
    is_token,
    new_token,
    write_cookie,
)

SECRET, ADMIN, NOW = b"s" * 32, "a" * 64, 1_000_000.0


def test_a_token_is_known_by_its_hash():
    token = new_token()
    assert is_token(token, hash_token(token))
    assert new_token() != token
    for other in ("", token + "x", token[:-1], "x" * 1_000_000, "\udcff"):
        assert not is_token(other, hash_token(token))


def test_an_endless_token_is_none_even_if_it_is_the_one():
    token = "x" * 1_000
    assert not is_token(token, hash_token(token))


def test_a_cookie_holds_for_a_while():
    cookie = write_cookie(SECRET, ADMIN, NOW)
    assert is_cookie(cookie, SECRET, ADMIN, NOW)
    assert is_cookie(cookie, SECRET, ADMIN, NOW + COOKIE_LASTS_S - 1)
    assert not is_cookie(cookie, SECRET, ADMIN, NOW + COOKIE_LASTS_S)
    assert not is_cookie(cookie, SECRET, ADMIN, NOW - 100)  # it would hold for longer than any


def test_a_cookie_of_another_site_or_another_token_is_none():
    cookie = write_cookie(SECRET, ADMIN, NOW)
    assert not is_cookie(cookie, b"t" * 32, ADMIN, NOW)
    assert not is_cookie(cookie, SECRET, "b" * 64, NOW)


@pytest.mark.parametrize("part", [0, 1])
def test_a_cookie_that_was_changed_is_none(part):
    parts = write_cookie(SECRET, ADMIN, NOW).split(".")
    parts[part] = parts[part][:-1] + ("0" if parts[part][-1] != "0" else "1")
    assert not is_cookie(".".join(parts), SECRET, ADMIN, NOW)


@pytest.mark.parametrize("text", ["", ".", "1.", f".{'a' * 64}", "٣.a", "x" * 10_000])
def test_nonsense_is_no_cookie(text):
    assert not is_cookie(text, SECRET, ADMIN, NOW)
