"""How the demo's page looks: answers as HTML, and the canvas that one draws on."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from gan_mnist.commands.demo.models import Classifiers, ImageReader
from gan_mnist.errors import InputError

# A canvas of our own: Gradio's asks for a tool before it lets one draw. Its value is a PNG file, as
# the address of an image, once a stroke has ended.
SIDE, BRUSH = 280, 22
CANVAS = f"""
<canvas width="{SIDE}" height="{SIDE}" data-brush="{BRUSH}" aria-label="draw a digit here"></canvas>
<br><button>Clear</button>
"""
DRAW = """
const canvas = element.querySelector("canvas"), pen = canvas.getContext("2d");
const look = {lineCap: "round", lineJoin: "round", strokeStyle: "white"};
Object.assign(pen, look, {lineWidth: canvas.dataset.brush});
const place = e => [e.offsetX * canvas.width / canvas.clientWidth,
                    e.offsetY * canvas.height / canvas.clientHeight];
let drawing = false;
const tell = value => { props.value = value; trigger("change"); };
canvas.addEventListener("pointerdown", e => {
  drawing = true;
  canvas.setPointerCapture(e.pointerId);
  pen.beginPath();
  pen.moveTo(...place(e));
});
canvas.addEventListener("pointermove", e => {
  if (drawing) { pen.lineTo(...place(e)); pen.stroke(); }
});
canvas.addEventListener("pointerup", e => {
  drawing = false;
  pen.lineTo(...place(e));
  pen.stroke();
  tell(canvas.toDataURL());
});
element.querySelector("button").addEventListener("click", () => {
  pen.clearRect(0, 0, canvas.width, canvas.height);
  tell("");
});
"""
CSS = """
.gan { overflow-x: auto }
.gan table, .gan tr { border: 0 !important }
.gan table { border-collapse: collapse; width: 100% }
.gan th, .gan td { text-align: left; padding: 6px 16px 6px 0; vertical-align: middle;
  border: 0; border-bottom: 1px solid var(--border-color-primary) }
.gan th[colspan] { padding-top: 20px }
.gan thead th, .gan .hint, .gan td.shown { font-weight: 400; opacity: .75 }
.gan td.says { font-size: 1.5em; font-weight: 600 }
.gan .line { white-space: nowrap }
.gan meter { width: 4em; height: .8em; margin-right: .5em; vertical-align: middle }
.gan img { display: inline-block; margin: 0; image-rendering: pixelated; background: #000;
  border-radius: 3px }
.gan figure { display: inline-block; margin: 0 14px 14px 0; vertical-align: top }
.gan figcaption { padding-top: 4px; margin: 0; text-align: left; max-width: 128px }
.gan .bad { border-left: 4px solid #c2410c; padding: 8px 12px }
#pad { padding: 0 }
#pad canvas { background: #000; border-radius: 6px; touch-action: none; cursor: crosshair }
#pad button { margin-top: 4px; padding: 4px 16px; border-radius: 4px; font-weight: 400;
  background: var(--button-secondary-background-fill) }
"""
# A less likely rival is not worth a word.
LEAST = 0.01
CAPTIONS = {
    "wanted": "wanted",
    "other": "drowned in",
    "untreated": "untreated",
    "filter": "filter, nothing learnt",
    "denoiser": "denoiser",
}


def picture(image: Image.Image, side: int, name: str) -> str:
    """An image as HTML, enlarged to `side` pixels; `name` is for those who cannot see it."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    size = f'width="{side}" height="{side}"'
    return f'<img src="data:image/png;base64,{data}" {size} alt="{escape(name)}">'


def figure(image: Image.Image, side: int, name: str, more: str = "") -> str:
    """The same with its name, and more in HTML, below it."""
    caption = f"<figcaption>{escape(name)}{more}</figcaption>"
    return f"<figure>{picture(image, side, name)}{caption}</figure>"


def answers(classifiers: Classifiers, see: ImageReader | None) -> str:
    """What every arm says of an image, as a table."""
    if see is None:
        return '<p class="hint">Draw a digit, and see what every arm says.</p>'
    lines, group = [], ""
    for export, ((label, probability), *rivals) in classifiers.say(see):
        if export.group != group:
            group = export.group
            lines.append(f'<tr><th colspan="5">{escape(group)}</th></tr>')
        meter = f'<meter value="{probability:.3f}"></meter>{probability:.0%}'
        rival_text = "".join(f"{name} {chance:.0%}" for name, chance in rivals if chance >= LEAST)
        lines.append(
            f'<tr><td>{escape(export.arm)}</td><td class="says">{escape(label)}</td>'
            f'<td class="line">{meter}</td><td class="line">{escape(rival_text)}</td>'
            f'<td class="shown">{escape(export.training_in_words())}</td></tr>'
        )
    header = "".join(f"<th>{name}</th>" for name in ("arm", "says", "sure", "or", "had been shown"))
    view = figure(classifiers.as_seen(see), 112, "as they see it")
    return f"{view}<table><thead><tr>{header}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def sheet(rows: Mapping[str, Sequence[Image.Image]]) -> str:
    """Images of classes, a line each."""
    if not rows:
        return '<p class="hint">Choose a class.</p>'
    lines = [
        f"<tr><th>{escape(name)}</th>"
        f"<td>{' '.join(picture(image, 56, name) for image in images)}</td></tr>"
        for name, images in rows.items()
    ]
    return f"<table>{''.join(lines)}</table>"


def denoising_steps(pictures: Mapping[str, tuple[Image.Image, float | None]]) -> str:
    """A mixture and what becomes of it, side by side."""
    return "".join(
        figure(image, 128, CAPTIONS[name], "" if psnr is None else f"<br><b>{psnr:.1f} dB</b>")
        for name, (image, psnr) in pictures.items()
    )


def with_errors_shown(make: Callable[..., str]) -> Callable[..., str]:
    """`make`, with what is refused told on the page in place of its HTML."""

    def safe(*values: Any) -> str:
        try:
            return make(*values)
        except InputError as error:
            return f'<p class="bad" role="alert">{escape(str(error))}</p>'

    return safe


def ink_of(address: str) -> np.ndarray:
    """Where there is ink on the canvas: uint8 (H, W); nothing where it was cleared."""
    if not address:
        return np.zeros((1, 1), np.uint8)
    buffer = io.BytesIO(base64.b64decode(address.partition(",")[2]))
    return np.asarray(Image.open(buffer).convert("RGBA").getchannel("A"))
