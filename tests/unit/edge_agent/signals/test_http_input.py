"""An input that is posted to: what a post tells, and what is refused."""

import http.client
import queue
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from waiting import until

from beltmark.contract.errors import InputError
from edge_agent.signals.http_input import PATH, HttpInput, parse_http_input
from edge_agent.signals.ports import Edge

NOW = 1_700_000_000.0


@contextmanager
def listening(token: str | None = None) -> Iterator[tuple[HttpInput, "queue.Queue[Edge]"]]:
    edges: queue.Queue[Edge] = queue.Queue()
    eye = HttpInput("127.0.0.1", 0, "eye", token, lambda: NOW)
    eye.start(edges.put)
    try:
        until(lambda: eye.health.problem is None, "it listens")
        yield eye, edges
    finally:
        eye.stop()


def post(
    eye: HttpInput, body: str = "", path: str = PATH, headers: dict[str, str] | None = None
) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port_of(eye), timeout=10)) as connection:
        connection.request("POST", path, body, headers or {})
        return connection.getresponse().status


def port_of(eye: HttpInput) -> int:
    return int(eye.address.rpartition(":")[2])


def test_each_post_is_a_beam_broken_and_whole_again() -> None:
    with listening() as (eye, edges):
        assert post(eye) == 204
        assert post(eye, f'{{"at": {NOW - 0.25}}}') == 204
        told = [edges.get_nowait() for _ in range(4)]
    assert [(edge.at - NOW, edge.is_rising) for edge in told] == [
        (0, True), (0, False), (-0.25, True), (-0.25, False),
    ]  # fmt: skip


def test_a_count_tells_of_posts_that_were_lost_and_of_those_said_twice() -> None:
    with listening() as (eye, edges):
        for count in (7, 8, 8, 11, 3, 100_000):
            assert post(eye, f'{{"count": {count}}}') == 204
        told = [edges.get_nowait() for _ in range(edges.qsize())]
    assert [edge.lost for edge in told if edge.is_rising] == [0, 0, 4, 0, 0]


@pytest.mark.parametrize(
    "body",
    ["no json", "[1]", "[" * 1_000, '{"other": 1}', '{"count": -1}', '{"count": true}',
     '{"count": 1.5}', '{"at": NaN}', '{"at": "now"}', f'{{"at": {NOW + 60}}}', '{"at": 1e999}'],
)  # fmt: skip
def test_what_is_not_understood_tells_nothing(body: str) -> None:
    with listening() as (eye, edges):
        assert post(eye, body) == 422
        assert edges.empty()


def test_only_posts_with_the_token_to_the_one_path_and_not_too_large_are_heard() -> None:
    with listening(token="secret") as (eye, edges):
        assert post(eye) == 401
        assert post(eye, headers={"Authorization": "Bearer other"}) == 401
        good = {"Authorization": "Bearer secret"}
        assert post(eye, path="/", headers=good) == 404
        assert post(eye, body=" " * 2_000, headers=good) == 413
        assert edges.empty()
        assert post(eye, headers=good) == 204
        assert edges.qsize() == 2


def test_senders_that_say_nothing_do_not_keep_others_out_for_long_nor_pile_up() -> None:
    with listening() as (eye, edges):
        silent = [socket.create_connection(("127.0.0.1", port_of(eye))) for _ in range(12)]
        for connection in silent[4:]:
            connection.settimeout(10)
            assert connection.recv(1) == b"", "beyond the bound, it is hung up on"
        for connection in silent:
            connection.close()
        until(lambda: reaches(eye), "others are heard again")
        assert edges.qsize() >= 2


def reaches(eye: HttpInput) -> bool:
    try:
        return post(eye) == 204
    except (OSError, http.client.HTTPException):
        return False


def test_a_port_that_somebody_has_is_a_problem_until_it_is_free() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        eye = HttpInput("127.0.0.1", port, "eye")
        eye.start(lambda _: None)
        until(lambda: "use" in (eye.health.problem or ""), "it says so")
        eye.stop()
    assert eye.address == f"http://127.0.0.1:{port}"


def test_addresses() -> None:
    assert parse_http_input("http://127.0.0.1:8090/photo-eye", "f") == ("127.0.0.1", 8090)
    for wrong in ("http://127.0.0.1", "http://u:p@h:1", "http://h:1/other", "http://[::1:80"):
        with pytest.raises(InputError, match="no address to listen on"):
            parse_http_input(wrong, "f")
