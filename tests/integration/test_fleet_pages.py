"""The operators' pages in a real browser: they load, they live, and they tell when they do not."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fleet_app import sample_upload
from fleet_pictures import jpeg
from served_fleet import ServedFleet

from fleet_server.pages.live import MAX_READERS
from fleet_server.storage.rollouts import RolloutStore

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = Path("/usr/bin/chromium")
PATHS = (
    "/",
    "/devices/belt-1",
    "/devices/belt-1/items/i1",
    "/releases",
    "/rollouts",
    "/samples",
    "/log",
)
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
_DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def chromium() -> Iterator["playwright.Browser"]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM} on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def served(tmp_path) -> Iterator[ServedFleet]:
    fleet = ServedFleet(tmp_path)
    fleet.start()
    try:
        for device in ("belt-1", "belt-2"):
            fleet.add_station(device)
        fleet.add_item("belt-1", "i1")
        for release in ("release-1", "release-2"):
            fleet.add_release(release)
        yield fleet
    finally:
        fleet.close()


@dataclass
class Operator:
    """Somebody at a browser, signed in; notes all that a page should not do."""

    page: "playwright.Page"
    url: str
    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.hosts.add(_origin(request.url)))

    def _note_console(self, message: "playwright.ConsoleMessage") -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def sign_in(self, token: str) -> None:
        self.page.goto(f"{self.url}/sign-in")
        self.page.fill("input[name=token]", token)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{self.url}/")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")
        self.wait_live()

    def wait_live(self) -> None:
        self.page.wait_for_selector("html[data-link=live]")

    def see(self, selector: str, text: str) -> None:
        """Waits until an element has a text in it."""
        found = self.page.locator(selector).filter(has_text=text)
        found.first.wait_for()


@pytest.fixture
def operator(chromium, served) -> Iterator[Operator]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    one = Operator(context.new_page(), served.url)
    one.sign_in(served.admin_token)
    yield one
    context.close()


def _origin(url: str) -> str:
    found = re.match(r"[a-z]+:(//[^/]+)?", url)
    assert found is not None
    return found.group()


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize("width_px", [1280, 380])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_load_in_order_and_ask_nobody_else(chromium, served, width_px, scheme):
    sample = sample_upload("i1", jpeg(), candidates=[{"class_name": "tube", "probability": 0.5}])
    token = served.site.device_token_path.read_text().strip()
    answer = httpx.post(
        f"{served.url}/api/v1/devices/belt-1/samples",
        json=sample,
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201
    context = chromium.new_context(viewport={"width": width_px, "height": 800}, color_scheme=scheme)
    operator = Operator(context.new_page(), served.url)
    operator.sign_in(served.admin_token)
    for path in PATHS:
        operator.open(path)
        scroll_px = operator.page.evaluate("document.documentElement.scrollWidth")
        assert scroll_px <= width_px, path
        assert operator.page.locator("h1").count() == 1
    assert operator.faults == []
    assert operator.hosts == {served.url}
    context.close()


def test_what_a_station_sends_is_seen_without_loading_anew(operator, served):
    operator.open("/")
    operator.page.evaluate("window.wasHere = true")
    totals = "#summary .totals"
    operator.see(totals, "Labels today1")
    served.add_item("belt-2", "i2", sku="NEW-SKU")
    operator.see("#station-belt-2", "NEW-SKU")
    operator.see(totals, "Labels today2")
    assert operator.page.evaluate("window.wasHere") is True
    assert operator.faults == []


def test_a_new_station_appears_and_the_one_that_needs_a_person_goes_to_the_top(operator, served):
    operator.open("/")
    operator.see("#summary h1", "All 2 stations run")
    served.add_station("belt-0")
    operator.see("#stations > li:first-child h2", "belt-0")
    served.beat("belt-2", "out of paper")
    operator.see("#stations > li:first-child", "The printer holds the belt: out of paper")
    operator.see("#summary h1", "1 station needs a person")
    assert operator.page.title() == "(1) Stations · Beltmark"
    names = operator.page.locator("#stations h2").all_inner_texts()
    assert names == ["belt-2", "belt-0", "belt-1"]


def test_ages_count_on_by_themselves(operator, served):
    operator.open("/devices/belt-1")
    age = operator.page.locator("#items time").first
    first = age.inner_text()
    assert first.endswith(" ago")
    wait_until(lambda: age.inner_text() != first, "the age stands still")


def test_the_loss_of_the_server_is_shown_and_its_return_too(operator, served):
    operator.open("/")
    assert operator.page.locator("#lost").is_hidden()
    served.stop()
    operator.page.wait_for_selector("html[data-link=lost]")
    operator.see("#lost", "The server does not answer: what is shown here is old.")
    assert "grayscale" in operator.page.evaluate("getComputedStyle(main).filter")
    told = operator.page.locator("#link-told")
    first = told.inner_text()
    assert first.startswith("lost for ")
    wait_until(lambda: told.inner_text() != first, "how long it is lost does not count on")
    served.add_item("belt-2", "i9", sku="MEANWHILE")
    served.start()
    operator.wait_live()
    operator.see("#station-belt-2", "MEANWHILE")
    assert operator.page.locator("#lost").is_hidden()


def test_nothing_is_green_while_the_server_hears_nothing(operator, served):
    operator.open("/")
    operator.page.wait_for_selector(".station.tone-running")
    served.link.broker_problem = "the broker cannot be reached"
    operator.page.wait_for_selector("html[data-blind]")
    operator.see("#trouble", "the broker cannot be reached")
    assert operator.page.locator(".tone-running, .sign-running").count() == 0
    served.link.broker_problem = None
    operator.page.wait_for_selector("html:not([data-blind]) .station.tone-running")


def test_a_page_that_could_not_be_read_comes_when_it_can(operator, served):
    def rename(before: str, after: str) -> None:
        with served.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")

    rename("devices", "devices_away")
    operator.page.goto(f"{served.url}/")
    operator.see("#trouble", "the database cannot be read")
    rename("devices_away", "devices")
    operator.page.wait_for_selector("#station-belt-1")


def test_texts_with_markup_are_seen_as_text(operator, served):
    served.add_item("belt-1", "i5", sku=MARKUP, reason=MARKUP, class_name=MARKUP)
    served.beat("belt-2", MARKUP)
    for path in ("/", "/devices/belt-1", "/devices/belt-1/items/i5"):
        operator.open(path)
        operator.see("main", MARKUP)
    operator.open("/")
    served.add_item("belt-2", "i6", sku=f"later {MARKUP}")
    operator.see("#station-belt-2", f"later {MARKUP}")
    assert operator.page.locator("main script, main img[src=x]").count() == 0
    assert operator.faults == []


def test_a_release_is_pushed_and_taken_back_after_a_second_thought(operator, served):
    operator.open("/devices/belt-1")
    for release in ("release-1", "release-2"):
        operator.page.select_option("#push-release", release)
        operator.page.click(".push button")
        operator.wait_live()
    wanted = served.fleet.desired("belt-1")
    assert wanted is not None
    assert wanted.release == "release-2"
    operator.see("#release", "release-2: asked for")
    sure = operator.page.locator("button", has_text="Yes, go back")
    assert not sure.is_visible()
    operator.page.click("summary:has-text('Go back to release-1')")
    sure.click()
    operator.wait_live()
    wanted = served.fleet.desired("belt-1")
    assert wanted is not None
    assert wanted.release == "release-1"


def test_a_rollout_is_begun_watched_and_ended(operator, served):
    operator.open("/rollouts")
    operator.page.select_option("select[name=release]", "release-2")
    operator.page.fill("input[name=waves]", "1,100%")
    operator.page.click(".begin button")
    operator.wait_live()
    operator.see("#rollout-1", "release-2 running")
    RolloutStore(served.engine).look(1, 5, lambda _: True)
    operator.see("#rollout-1", "1 asked")  # the page says so by itself
    operator.page.click("summary:has-text('End it')")
    operator.page.click("button:has-text('Yes, end it')")
    operator.wait_live()
    operator.see("#rollout-1", "ended by admin")
    assert operator.faults == []


def test_a_form_in_use_is_not_taken_away(operator, served):
    operator.open("/devices/belt-1")
    operator.page.focus("#push-release")
    operator.page.select_option("#push-release", "release-1")
    served.add_release("release-3")
    served.add_item("belt-1", "i7", sku="ANOTHER")
    operator.see("#items", "ANOTHER")
    assert operator.page.input_value("#push-release") == "release-1"
    assert operator.page.locator("#push-release option").count() == 2
    assert operator.page.evaluate("document.activeElement.id") == "push-release"
    operator.page.evaluate("document.activeElement.blur()")
    wait_until(
        lambda: operator.page.locator("#push-release option").count() == 3,
        "the new release is not offered",
    )


def test_focus_stays_where_it_is(operator, served):
    operator.open("/")
    operator.page.focus("#station-belt-2 h2 a")
    served.add_item("belt-2", "i8", sku="ANOTHER")
    operator.see("#station-belt-2", "ANOTHER")
    focused = "document.activeElement.textContent"
    assert operator.page.evaluate(focused) == "belt-2"


def test_who_is_signed_out_meanwhile_is_asked_to_sign_in(operator, served):
    operator.open("/")
    served.stop()
    served.site.renew_admin_token()
    served.start()
    operator.page.wait_for_url(f"{served.url}/sign-in")


def test_without_the_script_a_page_can_be_read(chromium, served, operator):
    context = chromium.new_context(
        java_script_enabled=False, storage_state=operator.page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"{served.url}/devices/belt-1")
    assert "as it was at" in page.inner_text("#link")
    assert "C1" in page.inner_text("#items")
    assert page.locator("#lost").is_hidden()
    context.close()


def test_a_browser_that_leaves_is_not_kept_up_to_date_any_more(operator, served):
    operator.open("/")
    feed = served.app.state.live
    wait_until(lambda: feed.readers == 1, "nobody reads")
    operator.page.goto("about:blank")
    wait_until(lambda: feed.readers == 0, "somebody still reads")


def test_there_is_room_for_so_many_pages(served):
    headers = {"Authorization": f"Bearer {served.admin_token}"}
    url = f"{served.url}/events?page=/"
    with (
        httpx.Client(
            headers=headers, timeout=_DEADLINE_S, limits=httpx.Limits(max_connections=None)
        ) as client,
        contextlib.ExitStack() as streams,
    ):
        for _ in range(MAX_READERS):
            stream = streams.enter_context(client.stream("GET", url))
            assert stream.headers["content-type"].startswith("text/event-stream")
        refused = client.get(url)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "15")
        assert client.get(f"{served.url}/").status_code == 200
    feed = served.app.state.live
    wait_until(lambda: feed.readers == 0, "somebody still reads")


def test_open_pages_do_not_hold_up_the_server(served):
    headers = {"Authorization": f"Bearer {served.admin_token}"}
    url = f"{served.url}/events?page=/devices/belt-1"
    with httpx.stream("GET", url, headers=headers, timeout=_DEADLINE_S) as stream:
        assert any(line == "event: page" for line in stream.iter_lines())
        served.stop()
