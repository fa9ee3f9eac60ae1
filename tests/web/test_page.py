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
from edge.demo.clip import write_clip
from tests.web.conftest import Device

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


def test_all_muted_is_told_everywhere(device, page):
    page.goto(device.url)
    expect(page.locator("#level")).to_contain_text("dBFS")
    page.get_by_role("button", name="Mute all").click()
    expect(page.get_by_role("switch", name="Microphone muted")).to_have_attribute("aria-checked", "false")
    expect(page.get_by_role("meter", name="Sound level")).to_have_attribute("aria-valuetext", "no sound")
    expect(page.locator("#level")).to_have_text("nothing is listened to")
    expect(page.locator("#voice")).to_have_text("off")
    expect(page.locator("#emotion")).to_have_text("nobody")
    page.get_by_role("button", name="Unmute all").click()
    expect(page.locator("#health")).to_contain_text(re.compile("Camera● ok.*Microphone● ok"))


def test_without_a_model_it_says_which_and_goes_on_when_it_is_there(start, page, tmp_path):
    server = start(f'[face]\nmodel = "{tmp_path}/mine"')
    page.goto(server.url)
    banner = page.get_by_role("alert").filter(has_text="No service runs here")
    expect(banner).to_contain_text(f"nothing that is sent can be analysed: model package '{tmp_path}/mine'")
    (tmp_path / "mine").symlink_to(Path(__file__).parents[2] / "models" / "face-emotion")
    expect(banner).not_to_contain_text("model package")  # it asks again by itself
    page.goto(f"{server.url}/v1/docs")
    expect(page.get_by_role("heading", name="POST /v1/face")).to_be_visible()


def test_a_service_that_was_away_comes_back_by_itself(page, mosquitto, tmp_path):
    clip = tmp_path / "clip.mkv"
    write_clip(clip, 6, (320, 240))
    camera = f'source = "file:{clip}"'
    more = {"camera": camera, "microphone": "enabled = false", "replay": "repeat = true"}
    device = Device(tmp_path, mosquitto, more)
    try:
        page.goto(device.url)
        expect(page.get_by_role("switch", name="Microphone not used")).to_be_disabled()
        expect(page.locator("#live-words")).to_contain_text("unless the configuration allows a live view")
        device.close()
        expect(page.locator("#banner")).to_contain_text("The connection to the device is lost")
        device.start()
        expect(page.get_by_role("status")).to_have_text("Connected again.")
        expect(page.locator("#banner")).to_be_hidden()
    finally:
        device.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_to_complain_of(device, page, scheme: str, width: int):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}

    def complaints() -> list[tuple[str, list[str]]]:
        found = axe.Axe().run(page, options=rules).response["violations"]
        return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]

    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(device.url)
    page.get_by_text("More thresholds").click()
    expect(page.locator("#summary")).to_contain_text("somebody was there")
    expect(page.locator("#model-rows tr")).not_to_have_count(0)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#picture")).to_be_visible()
    assert complaints() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing to push aside
    page.get_by_role("slider", name="Uncertain below").press("ArrowRight")
    page.get_by_role("button", name="Show the difference").click()
    expect(page.get_by_role("dialog")).to_contain_text("+uncertain_below")
    assert complaints() == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Back to the file").click()
    expect(page.locator("#changed")).to_have_text("All are as in the file.")


def test_what_the_page_needs_is_asked_for_at_once():
    """A module that is only found in another one would wait for it."""
    folder = Path(edge.web.__file__).with_name("page")
    named = re.findall(r'rel="modulepreload" href="/page/(\w+\.js)"', (folder / "index.html").read_text())
    assert sorted([*named, "main.js"]) == sorted(path.name for path in folder.glob("*.js"))


def test_the_script_is_small_and_what_others_wrote_names_its_licence():
    folder = Path(edge.web.__file__).with_name("page")
    assert sum(path.stat().st_size for path in folder.rglob("*.js")) < 150_000
    assert "MIT License" in (folder / "vendor" / "LICENSE").read_text()
