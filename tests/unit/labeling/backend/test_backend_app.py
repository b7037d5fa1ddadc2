"""The backend as Label Studio asks it, and as others might."""

import json
import threading
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from labeling.backend.answering import Answering, within
from labeling.backend.app import create_app
from labeling.backend.bounds import Door
from labeling.config import label_config
from labeling.exporting import predicted_region
from labeling.registering import Caller
from labeling.samples import Seen

CALLER = Caller("http://127.0.0.1:9090", "secret")
CONFIG = label_config(["cup", "tube"])
IMAGE = "/data/upload/1/a.png"
PNG = bytes(cv2.imencode(".png", np.zeros((50, 100, 3), np.uint8))[1])


class TwoThings:
    """Sees a cup on the left and a tube on the right."""

    version = "m 1"

    def look(self, image_bgr: NDArray[np.uint8], class_names: Set[str] | None = None) -> Seen:
        size = (image_bgr.shape[1], image_bgr.shape[0])
        found = [("cup", (10, 10, 20, 20), 0.9), ("tube", (60, 10, 20, 20), 0.4)]
        regions = [
            {**predicted_region(name, name, box, size), "score": score}
            for name, box, score in found
            if class_names is None or name in class_names
        ]
        return Seen(0.5, {"model_version": self.version, "score": 0.4, "result": regions})


class Files:
    """Has one image, a text and a hole."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def file(self, address: str) -> bytes | None:
        self.asked.append(address)
        if not address.startswith("/data/"):
            raise InputError("no address of an image on this server", "push it", field="image")
        return {IMAGE: PNG, "/data/text": b"text"}.get(address)


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def events() -> list[int]:
    return []


@pytest.fixture
def client(files: Files, events: list[int]) -> TestClient:
    app = create_app(CALLER, Answering(TwoThings(), files), lambda: events.append(1))
    headers = {"Authorization": CALLER.authorization}
    return TestClient(app, headers=headers, raise_server_exceptions=False)


def predict(client: TestClient, *images: Any, context: Any = None, config: str = CONFIG) -> Any:
    """Asks as `label_studio/ml/api_connector.py` does."""
    tasks = [
        {"id": k, "data": {"image": image}, "annotations": [], "predictions": [], "meta": {}}
        for k, image in enumerate(images)
    ]
    params = {"login": None, "password": None, "context": context}
    body = {"tasks": tasks, "project": "1.1796", "label_config": config, "params": params}
    content = json.dumps(body).encode()  # escapes what is no text
    return client.post("/predict", content=content, headers={"Content-Type": "application/json"})


def names(result: Any) -> list[str]:
    return [region["value"]["rectanglelabels"][0] for region in result["result"]]


def test_label_studio_finds_a_backend_that_fits_its_project(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "UP"
    body = {
        "project": "1.1796", "schema": CONFIG, "hostname": "http://localhost:8080",
        "access_token": "a" * 40, "extra_params": None,
    }  # fmt: skip
    assert client.post("/setup", json=body).json() == {"model_version": "m 1"}
    refused = client.post("/setup", json={**body, "schema": "<View><Text name='t'/></View>"})
    assert refused.status_code == 422
    assert "is not of Beltmark" in refused.json()["detail"]


def test_each_task_gets_the_boxes_of_the_champion(client: TestClient) -> None:
    answer = predict(client, IMAGE, IMAGE).json()
    assert answer["model_version"] == "m 1"
    assert [names(result) for result in answer["results"]] == [["cup", "tube"]] * 2
    assert answer["results"][0]["model_version"] == "m 1"


def test_the_project_that_asks_is_shown_its_own_classes(client: TestClient) -> None:
    answer = predict(client, IMAGE, config=label_config(["tube"])).json()
    assert names(answer["results"][0]) == ["tube"]


def test_what_was_drawn_is_what_is_meant(client: TestClient) -> None:
    drawn = predicted_region("r", "cup", (55, 5, 40, 40), (100, 50))
    answer = predict(client, IMAGE, context={"result": [drawn]}).json()
    assert names(answer["results"][0]) == ["tube"]
    assert answer["results"][0]["score"] == 0.4
    for context in ({"result": []}, {"result": None}, {}, {"result": [{"value": {"x": "?"}}]}):
        assert len(names(predict(client, IMAGE, context=context).json()["results"][0])) == 2


def test_the_last_box_is_meant_and_what_is_there_is_not_told_again(client: TestClient) -> None:
    """As Label Studio 1.23 sends it: all boxes of the label, those of predictions too."""
    (cup, tube) = TwoThings().look(np.zeros((50, 100, 3), np.uint8)).prediction["result"]
    drawn = predicted_region("new", "cup", (0, 0, 100, 50), (100, 50))
    (result,) = predict(client, IMAGE, context={"result": [cup, drawn]}).json()["results"]
    assert names(result) == ["tube"]
    assert result["result"][0]["id"] != tube["id"]  # it may be there by that name
    (result,) = predict(client, IMAGE, context={"result": [drawn, tube]}).json()["results"]
    assert names(result) == ["tube"]


def test_a_box_around_nothing_has_nothing_in_it() -> None:
    prediction = TwoThings().look(np.zeros((50, 100, 3), np.uint8)).prediction
    found = within(prediction, [predicted_region("r", "cup", (40, 40, 5, 5), (100, 50))])
    assert found == {"model_version": "m 1", "result": []}
    huge = {"value": {"x": 10**400, "y": 0, "width": 1, "height": 1}}
    assert within(prediction, [huge]) == prediction


def test_one_image_that_is_gone_takes_nothing_from_the_others(client: TestClient) -> None:
    results = predict(client, "/data/gone.png", IMAGE, "/data/text").json()["results"]
    assert results[0] == results[2] == []
    assert names(results[1]) == ["cup", "tube"]


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("/data/gone.png", "is gone from the server"),
        ("/data/text", "is no readable image"),
        ("http://169.254.169.254/latest", "no address of an image"),
        ("file:///etc/passwd", "no address of an image"),
        ("/etc/passwd", "no address of an image"),
        (None, "no address of an image"),
        ({"a": 1}, "no address of an image"),
        ("\ud800", "no address of an image"),
    ],
)
def test_what_cannot_be_looked_at_is_told(client: TestClient, image: Any, told: str) -> None:
    answer = predict(client, image)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_nobody_else_is_answered(client: TestClient, files: Files, events: list[int]) -> None:
    for shown in ("", "Basic", "Basic YmVsdG1hcms6", "Bearer secret", CALLER.authorization + "x"):
        client.headers["Authorization"] = shown
        assert client.get("/health").status_code == 401
        assert predict(client, IMAGE).status_code == 401
        assert client.post("/webhook", json={"action": "ANNOTATION_CREATED"}).status_code == 401
    assert (files.asked, events) == ([], [])


def test_events_are_told_and_others_are_not(client: TestClient, events: list[int]) -> None:
    for action in ("ANNOTATION_CREATED", "ANNOTATIONS_DELETED", "TASKS_CREATED"):
        assert client.post("/webhook", json={"action": action, "task": {}}).status_code == 200
    assert len(events) == 3
    for action in ("START_TRAINING", "PROJECT_UPDATED"):
        assert client.post("/webhook", json={"action": action}).status_code == 200
    assert client.post("/webhook", json={"action": 5}).status_code == 422
    assert len(events) == 3


def test_without_a_champion_it_only_listens(events: list[int]) -> None:
    headers = {"Authorization": CALLER.authorization}
    app = create_app(CALLER, None, lambda: events.append(1))
    client = TestClient(app, headers=headers)
    assert client.post("/webhook", json={"action": "ANNOTATION_CREATED"}).status_code == 200
    assert events == [1]
    assert predict(client, IMAGE).status_code == 404
    assert client.post("/setup", json={"schema": CONFIG}).status_code == 404


def test_what_is_too_much_is_refused(client: TestClient, files: Files) -> None:
    assert predict(client, *[IMAGE] * 1_001).status_code == 422
    assert predict(client).status_code == 422
    small = TestClient(Door(client.app, CALLER.authorization, limit=100))
    small.headers["Authorization"] = CALLER.authorization
    told = small.post("/webhook", json={"action": "x" * 200})
    assert told.status_code == 413
    pieces = (b"x" * 60 for _ in range(3))
    assert small.post("/webhook", content=pieces).status_code in (400, 413)
    assert files.asked == []


def test_too_many_at_once_are_asked_to_come_again(files: Files) -> None:
    looks, goes_on = threading.Event(), threading.Event()

    class Slow(TwoThings):
        def look(self, image_bgr: NDArray[np.uint8], class_names: Set[str] | None = None) -> Seen:
            looks.set()
            assert goes_on.wait(30)
            return super().look(image_bgr, class_names)

    headers = {"Authorization": CALLER.authorization}
    answering = Answering(Slow(), files, patience_s=0.01)
    client = TestClient(create_app(CALLER, answering), headers=headers)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(predict, client, IMAGE)
        assert looks.wait(30)
        assert predict(client, IMAGE).status_code == 503
        goes_on.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[" * 100_000, b'{"action": "\\ud800"}', b'{"action": NaN}',
     b'{"action": ' + b"9" * 5_000 + b"}", b'{"tasks": [{"data": "\\ud800"}]}'],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/setup", "/predict", "/webhook"])
def test_nonsense_is_refused(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 422)
    assert len(answer.content) < 4_000


def test_what_was_sent_is_not_sent_back(client: TestClient) -> None:
    answer = client.post("/setup", json={"schema": 5, "access_token": "a" * 40})
    assert answer.status_code == 422
    assert "a" * 40 not in answer.text


def test_whatever_is_asked_it_does_not_fail(client: TestClient) -> None:
    described = schemathesis.openapi.from_dict(client.app.openapi(), config=schemathesis.Config())
    tried = 0
    for found in described.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=25, derandomize=True, database=None, deadline=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(), config=st.booleans())
        def asks(case: schemathesis.Case, config: bool) -> None:
            nonlocal tried
            body = case.body
            if config and isinstance(body, dict):
                body = {**body, "label_config": CONFIG, "schema": CONFIG}
            try:
                content = json.dumps(body).encode()
            except TypeError:  # what schemathesis has for "no body"
                content = b""
            answer = client.request(case.method, case.path, content=content)
            assert answer.status_code < 500, answer.text
            tried += 1

        asks()
    assert tried >= 60
