"""What every answer has, whatever was asked; and how the server says that it is not well."""

import asyncio

import pytest
from fleet_app import FleetApp, fleet_app

from fleet_server.api.bodies import MAX_BODY_BYTES, BodyLimit
from fleet_server.api.plain_page import plain_page


@pytest.fixture
def fleet(tmp_path) -> FleetApp:
    with fleet_app(tmp_path) as made:
        yield made


def test_every_answer_has_the_headers_that_bind_a_browser(fleet):
    answers = [
        fleet.stranger.get("/sign-in"),
        fleet.stranger.get("/api/v1/health"),
        fleet.stranger.get("/no/such/page"),
        fleet.stranger.get("/api/v1/devices"),
        fleet.stranger.post("/sign-in", content=b"x" * 1_000_000),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 401, 413]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_a_missing_page_is_a_page_for_who_looks(fleet):
    answer = fleet.stranger.get("/no/<b>such</b>/page", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<b>" not in answer.text
    problem = fleet.stranger.get("/no/such/page")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json() == {"title": "Not Found", "status": 404, "detail": "Not Found"}


def test_text_on_a_plain_page_stays_text():
    page = plain_page("<i>", "<p>{told}</p>", 500, told="<script>{x}</script>")
    assert b"&lt;script&gt;{x}&lt;/script&gt;" in page.body
    assert b"<i>" not in page.body


def test_a_wrong_method_is_told(fleet):
    answer = fleet.admin.delete("/api/v1/devices")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)


def test_a_server_that_is_well_says_so(fleet):
    answer = fleet.stranger.get("/api/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_what_is_wrong_is_told_without_a_token(fleet):
    fleet.link.broker_problem = "the broker mqtt://127.0.0.1:1883 cannot be reached"
    answer = fleet.stranger.get("/api/v1/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "degraded"
    assert answer.json()["problems"] == [fleet.link.broker_problem]


def test_a_database_that_is_away_is_told_everywhere(fleet):
    fleet.engine.dispose()
    path = fleet.site.folder / "fleet.sqlite"
    content = path.read_bytes()
    path.write_bytes(b"no database any more" * 1_000)
    try:
        health = fleet.stranger.get("/api/v1/health")
        assert health.status_code == 503
        assert "the database cannot be read" in health.json()["problems"][0]
        answer = fleet.admin.get("/api/v1/devices")
        assert answer.status_code == 503
        assert "the database does not work at the moment" in answer.json()["detail"]
    finally:
        path.write_bytes(content)


def test_an_error_of_ours_tells_nothing_of_its_inside(fleet):
    @fleet.app.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("secret")

    answer = fleet.stranger.get("/api/v1/broken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


def test_the_api_describes_itself(fleet):
    described = fleet.stranger.get("/api/v1/openapi.json").json()
    assert {"SampleUpload", "Sample", "Problem", "Candidate"} <= set(
        described["components"]["schemas"]
    )
    for methods in described["paths"].values():
        for method in methods.values():
            assert method["summary"]
    assert fleet.stranger.get("/docs").status_code == 404


def test_a_body_that_never_comes_is_given_up():
    async def read_all(_scope, receive, _send) -> None:
        while True:
            await receive()

    async def never() -> dict:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "path": "/sign-in", "headers": []}
    with pytest.raises(Exception, match="the body did not come in time"):
        asyncio.run(BodyLimit(read_all, timeout_s=0.01)(scope, never, never))


def test_no_more_is_read_than_the_limit():
    read = [0]

    async def read_all(_scope, receive, _send) -> None:
        while True:
            read[0] += len((await receive())["body"])

    async def endless() -> dict:
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    scope = {"type": "http", "path": "/sign-in", "headers": []}
    with pytest.raises(Exception, match="more than 65536 bytes"):
        asyncio.run(BodyLimit(read_all)(scope, endless, endless))
    assert read[0] == MAX_BODY_BYTES


def test_who_leaves_after_its_body_is_waited_for_without_end():
    """Server-sent events: what comes after the body is only that somebody has gone."""
    said = iter(
        [
            {"type": "http.request", "body": b"", "more_body": False},
            {"type": "http.disconnect"},
        ]
    )
    heard = []

    async def listen(_scope, receive, _send) -> None:
        heard.extend([await receive(), await receive()])

    async def speak() -> dict:
        return next(said)

    scope = {"type": "http", "path": "/events", "headers": []}
    asyncio.run(BodyLimit(listen, timeout_s=60)(scope, speak, speak))
    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]
