"""Uses the demo as a person does, in headless Chromium: ADDRESS, CHROMIUM, FOLDER.

Screenshots go to the folder, which holds `bad.png` and `good.png`. What was seen is printed as
JSON.
"""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

address, chromium, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
SAYS = "[...document.querySelectorAll('#answers td.says')]"
seen: dict = {"errors": [], "hosts": []}


def table(page):
    """What stands in the table, a list a row."""
    return [row.split("\t") for row in page.locator("#answers").inner_text().splitlines()]


def draw(page, *strokes):
    """Draws lines on the canvas; corners are shares of its side."""
    box = page.locator("#pad canvas").bounding_box()
    for stroke in strokes:
        (x, y), *rest = [(box["x"] + u * box["width"], box["y"] + v * box["height"])
                         for u, v in stroke]  # fmt: skip
        page.mouse.move(x, y)
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(x, y, steps=8)
        page.mouse.up()


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def slide(page, label, value):
    """Sets a slider of the tab that is shown."""
    box = page.get_by_role("spinbutton", name=label).first
    box.fill(str(value))
    box.press("Enter")


def sources(page, place):
    """The pictures in a part of the page, once there are some."""
    page.wait_for_selector(f"{place} img")
    return page.eval_on_selector_all(f"{place} img", "found => found.map(image => image.src)")


def changed(page, place, before):
    """The pictures in a part of the page, once they are others."""
    page.wait_for_function(
        """([place, before]) => {
          const found = [...document.querySelectorAll(place + " img")].map(image => image.src);
          return found.length && found.join() != before.join();
        }""",
        arg=[place, before],
    )
    return sources(page, place)


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(30_000)
    page.on("console", lambda m: seen["errors"].append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.on("request", lambda request: seen["hosts"].append(urlsplit(request.url).netloc))
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#pad canvas")
    seen["before"] = table(page)

    draw(page, [(0.5, 0.15), (0.5, 0.85)])
    page.wait_for_selector("#answers td")
    seen["line"] = table(page)
    page.screenshot(path=folder / "line.png")
    draw(page, *([(0.3, v / 100), (0.7, v / 100)] for v in range(20, 81, 5)))
    page.wait_for_function(f"() => {SAYS}.some(cell => cell.innerText == 'thick')")
    seen["block"] = table(page)
    page.screenshot(path=folder / "block.png")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector("#answers .hint")
    seen["cleared"] = table(page)

    page.set_input_files("input[type=file] >> nth=0", folder / "bad.png")
    page.wait_for_selector("#answers [role=alert]")
    seen["bad"] = page.locator("#answers").inner_text()
    page.get_by_role("button", name="Clear", exact=True).last.click()
    page.set_input_files("input[type=file] >> nth=0", folder / "good.png")
    page.wait_for_selector("#answers td")
    seen["good"] = table(page)

    tab(page, "Generate")
    still = sources(page, "#generated")
    slide(page, "latents, direction 1", 2)
    moved = changed(page, "#generated", still)
    slide(page, "seed", 5)
    other = changed(page, "#generated", moved)
    seen["generated"] = [len(still), len(moved), still != moved, moved != other]
    page.screenshot(path=folder / "generated.png")

    tab(page, "Denoise")
    noisy = sources(page, "#denoised")
    seen["noisy"] = page.locator("#denoised").inner_text()
    slide(page, "noise", 0)
    changed(page, "#denoised", noisy)
    seen["quiet"] = page.locator("#denoised").inner_text()
    page.screenshot(path=folder / "denoised.png")
    page.set_viewport_size({"width": 390, "height": 844})
    tab(page, "Classify")
    seen["beyond"] = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    page.screenshot(path=folder / "phone.png")
    browser.close()
print(json.dumps(seen | {"hosts": sorted(set(seen["hosts"]))}))
