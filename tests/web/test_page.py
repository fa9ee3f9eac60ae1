"""The local page in a real Chromium: what a person does on it, with the real service, models and broker behind it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install 'emotion-edge[dev]'")
expect = playwright.expect
expect.set_options(timeout=20_000)

#: A folder for pictures to look at; empty: none are made.
PICTURES = os.environ.get("PAGE_PICTURES", "")


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium) -> Iterator[object]:
    """A fresh tab; whatever the browser complains about fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def test_a_person_sees_what_happens(device, page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(device.url)
    expect(page.get_by_role("heading", name="kitchen-pi")).to_be_visible()
    expect(page.get_by_role("log").get_by_text(re.compile("face-[0-9]+ came")).first).to_be_visible()
    expect(page.locator("#models")).to_contain_text(re.compile("accuracy [0-9]+ %.* FER2013"))
    expect(page.locator("#health")).to_contain_text("connected (MQTT 5)")
    expect(page.locator("#summary")).to_contain_text("somebody was there")
    if PICTURES:
        page.wait_for_timeout(20_000)
        page.screenshot(path=f"{PICTURES}/light.png", full_page=True)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_timeout(1000)
        page.screenshot(path=f"{PICTURES}/phone-dark.png", full_page=True)
    assert {url.startswith(device.url) for url in asked} == {True}
