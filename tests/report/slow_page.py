"""The page as people use it, in a headless Chromium: `make test-all`, not `make test`."""

import json
import re

import numpy as np
import pytest
from fake_run import ARMS, change, make_run

from gan_mnist.report.page import write_report

PHONE, DESK = (390, 844), (1280, 900)
THEMES = ("light", "dark")
HOSTILE = "<img src=x onerror=alert(1)>\"'</script><script>alert(2)</script>\n{{7*7}}"
# Elements that end, or begin, where nobody sees them without scrolling sideways.
BEYOND = """() => [...document.querySelectorAll("body *")].filter((element) => {
  if (element.closest(".scroll > *, figure.drawn > *, .store, .sr, svg *")) return false;
  const box = element.getBoundingClientRect(), width = document.documentElement.clientWidth;
  return box.width > 0 && (box.left < -1 || box.right > width + 1);
}).map((element) => element.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    path = make_run(tmp_path_factory.mktemp("run"), images=images)
    write_report(path)
    return path


@pytest.fixture(scope="module")
def summary(workdir):
    return json.loads((workdir / "summary.json").read_text())


@pytest.fixture
def show(browser, workdir):
    """`show(size, theme)`: the page, opened; afterwards nothing may have gone wrong in it."""
    opened, wrong = [], []

    def open_page(size=DESK, theme="light", path=workdir, **options):
        page = browser.new_page(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, **options
        )
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("request", lambda request: _check_local(request.url, wrong))
        page.goto((path / "report.html").as_uri())
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.close()
    assert wrong == []


def _check_local(url, wrong):
    if not url.startswith(("file:", "data:")):
        wrong.append(url)


def _row(page, name):
    return page.locator(f".forest [data-arm='{name}']")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_lies_beyond_the_edge_and_the_answer_is_seen_first(show, size, theme):
    page = show(size, theme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate(BEYOND) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    for part in (".answer", ".carried", "#shown .strip >> nth=0"):
        box = page.locator(part).bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
    for verdict in page.locator(".forest .verdict").all():
        box = verdict.bounding_box()
        assert box["x"] + box["width"] <= size[0]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_names_contrast_and_structure_are_as_readers_of_all_kinds_need_them(show, size, theme):
    from axe_playwright_python.sync_playwright import Axe

    page = show(size, theme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = Axe().run(page).response
    told = [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found["violations"]]
    assert told == []
    assert {"color-contrast", "svg-img-alt", "link-name"} <= {p["id"] for p in found["passes"]}


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_verdicts_of_comparisons_are_seen_without_scrolling_sideways(show, size):
    page = show(size)
    tables = page.locator("#primary-table, #rivals-table")
    assert tables.count() == 2
    for cell in tables.locator("tbody td:nth-child(2)").all():
        assert re.search("cannot tell|helps|hurts|the same", cell.inner_text())
        words = cell.locator("span").first.bounding_box()
        assert 0 <= words["x"] < words["x"] + words["width"] <= size[0]
    for cell in tables.locator("tbody td:nth-child(3)").all():
        box = cell.bounding_box()
        assert box["x"] + box["width"] <= size[0]


# Texts of a closed arm that lie on each other.
ON_EACH_OTHER = """() => [...document.querySelectorAll(".arm > summary")].filter((summary) => {
  const texts = summary.querySelectorAll(":scope > b, :scope > .sub, :scope > .judged");
  const boxes = [...texts].map((text) => text.getBoundingClientRect());
  return boxes.some((one, i) => boxes.slice(i + 1).some((other) =>
    one.left < other.right - 1 && other.left < one.right - 1
    && one.top < other.bottom - 1 && other.top < one.bottom - 1));
}).map((summary) => summary.innerText)"""


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_how_much_a_verdict_counts_stands_below_it_in_arm_by_arm(show, size, summary):
    page = show(size)
    assert page.evaluate(ON_EACH_OTHER) == []
    marked = [name for name in summary["arms"] if "standing" in summary["arms"][name]]
    marks = page.locator(".arm > summary .standing")
    assert marks.count() == len(marked) > 5
    for arm in page.locator(".arm", has=page.locator("summary .standing")).all():
        verdict = arm.locator("summary .judged > span").first.bounding_box()
        mark = arm.locator("summary .standing").bounding_box()
        assert mark["y"] >= verdict["y"] + verdict["height"] - 6
        assert abs(mark["x"] + mark["width"] - verdict["x"] - verdict["width"]) < 2


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_the_forest_marks_primary_more_than_exploratory(show, size, theme, summary):
    page = show(size, theme)
    weight = "one => getComputedStyle(one).fontWeight"
    for name, entry in summary["arms"].items():
        mark = _row(page, name).locator("small")
        if "standing" in entry:
            assert mark.inner_text() == entry["standing"]
            assert mark.evaluate(weight) == ("600" if entry["standing"] == "primary" else "400")
            box = mark.bounding_box()
            assert box["x"] + box["width"] <= size[0]
        else:
            assert mark.count() == 0
        if entry.get("standing") == "exploratory":
            assert _row(page, name).locator(".verdict").evaluate(weight) == "400"


def test_themes_are_those_of_the_system(show):
    def brightness(page, part):
        style = f"getComputedStyle(document.querySelector('{part}'))"
        color = page.evaluate(f"{style}.{'backgroundColor' if part == 'body' else 'color'}")
        return sum(map(int, re.findall(r"\d+", color)[:3]))

    light, dark = show(theme="light"), show(theme="dark")
    assert brightness(light, "body") == 3 * 255
    assert brightness(dark, "body") < 100
    for part in (".answer", ".forest .helps", "figcaption"):
        assert brightness(light, part) < 400 < brightness(dark, part)


def test_hovering_tells_arm_seed_and_value(show, summary):
    page = show()
    values = summary["arms"]["warp_gan"]["values"]
    row = _row(page, "warp_gan")
    for number, (seed, value) in enumerate(values.items()):
        # Dots may cover each other: what is hovered is one of them.
        row.locator("circle").nth(number).dispatch_event("pointermove", {"bubbles": True})
        assert page.locator("#tip").inner_text() == f"warp_gan, seed {seed}: {value:.4f}"
    row.locator("circle").first.hover(force=True)
    assert re.match(r"warp_gan, seed \d: 0\.\d{4}$", page.locator("#tip").inner_text())
    row.locator(".mark").first.hover(force=True)
    assert "mean" in page.locator("#tip").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_hovering_a_curve_tells_the_nearest_point(show, size):
    page = show(size)
    chart = page.locator("#curves .panels .chart > svg").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    line = chart.locator("polyline").last
    x, y = map(float, line.get_attribute("points").split()[-1].split(","))
    page.mouse.move(box["x"] + x / 1000 * box["width"], box["y"] + y / 1000 * box["height"])
    tip = page.locator("#tip")
    last = line.get_attribute("data-y").split()[-1]
    assert tip.inner_text() == f"{line.get_attribute('data-name')} · 1000 updates · {last}"
    seen = tip.bounding_box()
    assert 0 <= seen["x"] <= seen["x"] + seen["width"] <= size[0]


def _column(page, number):
    return page.locator(f"#arms-table tbody tr > :nth-child({number})").all_inner_texts()


def _first_words(texts):
    return [text.split()[0] for text in texts]


def test_tables_sort_by_a_click(show, summary):
    page = show()
    arms, done = summary["arms"], [name for name in summary["arms"] if summary["arms"][name]["n"]]
    by_mean = sorted(done, key=lambda name: -arms[name]["mean"])
    assert _first_words(_column(page, 1)) == [*by_mean, "smote"]
    heads = page.locator("#arms-table thead th")
    heads.nth(2).locator("button").click()
    assert _first_words(_column(page, 1)) == [*reversed(by_mean), "smote"]
    assert heads.nth(2).get_attribute("aria-sort") == "ascending"
    heads.nth(0).locator("button").click()
    assert _first_words(_column(page, 1)) == sorted(arms)
    marked = [head for head in heads.all() if head.get_attribute("aria-sort")]
    assert len(marked) == 1


def test_tables_sort_by_the_keyboard(show, summary):
    page = show()
    arms = summary["arms"]
    known = [name for name in arms if arms[name]["difference"] is not None]
    by_difference = sorted(known, key=lambda name: -arms[name]["difference"])
    page.locator("#arms-table thead th button").nth(2).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert _first_words(_column(page, 1))[: len(known)] == by_difference
    page.keyboard.press("Space")
    assert _first_words(_column(page, 1))[: len(known)] == by_difference[::-1]
    assert set(_first_words(_column(page, 1))[len(known) :]) == {"none", "smote"}


def test_a_click_on_an_arm_opens_its_seeds_curves_and_images(show, summary):
    page = show()
    arm = page.locator("details.arm", has=page.locator("summary b", has_text=re.compile("^cgan$")))
    assert not arm.locator("table").is_visible()
    _row(page, "cgan").click()
    assert arm.locator("table").is_visible()
    assert arm.locator("summary").evaluate("summary => summary === document.activeElement")
    assert arm.locator(".strip").bounding_box()["height"] > 20
    assert arm.locator("polyline").count() == 4  # One seed failed.
    rows = arm.locator("tbody tr").all_inner_texts()
    assert len(rows) == 5
    for seed, value in summary["arms"]["cgan"]["values"].items():
        assert rows[int(seed)].split()[:2] == [seed, f"{value:.4f}"]
    assert "failed: d_loss became NaN" in rows[3]
    assert arm.locator("a", has_text="predictions").first.get_attribute("href") == (
        "trials/cgan/seed-00/predictions.csv"
    )
    # Closed, it opens again, by the keyboard and from the table.
    arm.locator("summary").click()
    page.locator("#arms-table a", has_text=re.compile("^cgan$")).press("Enter")
    assert arm.locator("table").is_visible()


def test_it_reads_without_a_script(show, summary):
    page = show(java_script_enabled=False)
    assert page.locator(".answer").inner_text() == summary["answer"]
    assert page.locator(".forest a").count() == len(ARMS) + 1
    assert page.locator("#arms-table tbody tr").count() == len(ARMS) + 1
    page.locator("details.arm summary").first.click()
    assert page.locator("details.arm table").first.is_visible()


def test_hostile_names_are_only_names(show, tmp_path):
    make_run(tmp_path, seeds=2)
    for file in [*tmp_path.rglob("*.json")]:
        text = file.read_text().replace('"cgan"', json.dumps(HOSTILE)).replace(
            '"mnist_sample"', json.dumps(HOSTILE)
        )  # fmt: skip
        file.write_text(text)
    change(tmp_path, "summary.json", question=HOSTILE, answer=HOSTILE, in_full=HOSTILE)
    write_report(tmp_path)
    page = show(PHONE, path=tmp_path)
    told = " ".join(HOSTILE.split())
    assert " ".join(page.locator(".answer").inner_text().split()) == told
    names = [" ".join(n.split()) for n in page.locator(".forest .name").all_inner_texts()]
    assert told in names
    assert page.evaluate(BEYOND) == []
    page.locator(".forest a", has_text="onerror").click()
    page.locator("details[open] svg.chart polyline, details[open] table").first.hover()
