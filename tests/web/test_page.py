"""The local page in a real Chromium: what a person does on it, with the real service, models and broker behind it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import edge.web

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
    # That an answer was no (a wrong token) is told in the console too.
    assert [each for each in complaints if not each.startswith("Failed to load resource")] == []


def test_a_person_sees_what_happens(device, page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(device.url)
    expect(page.get_by_role("heading", name="kitchen-pi")).to_be_visible()
    expect(page.get_by_role("log").get_by_text(re.compile("face-[0-9]+ came")).first).to_be_visible()
    expect(page.locator("#models")).to_contain_text(re.compile("accuracy [0-9]+\\s%.* FER2013"))
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


def test_mute_by_keyboard_closes_the_camera_and_the_live_view(device, page, validators):
    page.goto(device.url)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#watching")).to_have_text("● on, 1 watching")
    expect(page.get_by_role("img", name=re.compile("Live picture: .*face-"))).to_be_visible()
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/live.png")
    camera = page.get_by_role("switch", name="Camera")
    expect(camera).to_have_attribute("aria-checked", "true")
    page.get_by_role("link", name="To the present estimate").focus()
    page.keyboard.press("Tab")
    expect(camera).to_be_focused()
    page.keyboard.press("Space")
    expect(camera).to_have_attribute("aria-checked", "false")
    expect(page.get_by_role("status")).to_have_text("Camera muted, also after a restart.")
    expect(page.locator("#picture")).to_be_hidden()
    expect(page.locator("#live-words")).to_have_text("The camera is muted: nothing is seen.")
    expect(page.locator("#health")).to_contain_text("○ muted")
    page.keyboard.press("Space")
    expect(page.locator("#health")).to_contain_text(re.compile("Camera● ok"))
    expect(page.locator("#watching")).to_have_text("● on, 1 watching")  # it is still wanted


def test_a_threshold_is_tried_shown_and_written(device, page):
    before = device.config.read_text()
    page.goto(device.url)
    slider = page.get_by_role("slider", name="Uncertain below")
    expect(page.locator("#changed")).to_have_text("All are as in the file.")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#changed")).to_have_text("1 is not as in the file.")
    assert device.config.read_text() == before
    difference = page.get_by_role("button", name="Show the difference")
    difference.press("Enter")
    dialog = page.get_by_role("dialog", name="What would change in the file")
    expect(dialog).to_contain_text("+uncertain_below = 0.41")
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/difference.png")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(difference).to_be_focused()
    difference.press("Enter")
    expect(dialog).to_be_visible()
    device.config.write_text(before + "\n# another hand\n")
    dialog.get_by_role("button", name="Write it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("have changed meanwhile")
    dialog.get_by_role("button", name="Write it").click()
    expect(page.get_by_role("status")).to_contain_text("Written to")
    assert device.config.read_text() == (before + "\n# another hand\n").replace(
        "# uncertain_below = 0.4            #", "uncertain_below = 0.41            #"
    )
    expect(page.locator("#changed")).to_have_text("All are as in the file.")
    device.config.write_text(before)  # for the next test, and in force too
    assert httpx.post(f"{device.url}/v1/commands/reload", timeout=60).json()["ok"]


def test_a_token_is_asked_for_and_says_what_it_may(start, page, tmp_path):
    token = "cmVhZCBvbmx5IG5vdGhpbmcgZWxzZQ"
    (tmp_path / "tokens").write_text(f"panel read {token}\n")
    server = start(f'tokens_file = "{tmp_path}/tokens"')
    page.goto(server.url)
    field = page.get_by_label("Token", exact=True)
    expect(field).to_be_focused()
    field.fill("not a token of this device")
    field.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="not a token of this device")).to_be_visible()
    field.fill(token)
    field.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="No service runs here")).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_a_hub_that_is_away_is_told_and_costs_nothing_else(device, page):
    page.goto(device.url)
    device.broker.stop()
    expect(page.locator("#health")).to_contain_text("✕ away; events wait")
    expect(page.get_by_role("switch", name="Camera")).to_be_enabled()
    device.broker.start()
    expect(page.locator("#health")).to_contain_text("● connected")


def test_the_script_is_small_and_what_others_wrote_names_its_licence():
    folder = Path(edge.web.__file__).with_name("page")
    assert sum(path.stat().st_size for path in folder.rglob("*.js")) < 150_000
    assert "MIT License" in (folder / "vendor" / "LICENSE").read_text()
