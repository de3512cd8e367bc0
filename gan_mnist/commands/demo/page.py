"""The demo's page, of Gradio's parts: what one can choose, and what is asked then."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from gan_mnist.commands.demo.look import (
    CANVAS,
    CSS,
    DRAW,
    SIDE,
    answers,
    denoising_steps,
    ink_of,
    sheet,
    with_errors_shown,
)
from gan_mnist.commands.demo.mixtures import NUM_DIGITS, Denoiser, Mixture, digit
from gan_mnist.commands.demo.models import (
    MOVES,
    Classifiers,
    Exported,
    Generator,
    drawn,
    uploaded,
)
from gan_mnist.data.progress import tracked

SYSTEM = ("system-ui", "sans-serif")


def _classify(classifiers: Classifiers) -> None:
    def of_drawing(address: str) -> str:
        return answers(classifiers, drawn(ink_of(address)))

    def of_file(path: str | None, inverted: bool) -> str:
        return answers(classifiers, uploaded(Path(path), inverted) if path else None)

    with gr.Row():
        with gr.Column(scale=0, min_width=SIDE + 40):
            gr.Markdown("Draw a digit")
            pad = gr.HTML("", html_template=CANVAS, js_on_load=DRAW, elem_id="pad")
            file = gr.File(label="or upload an image", type="filepath", height=140)
            inverted = gr.Checkbox(label="dark on light paper: invert it", value=True)
        table = gr.HTML(answers(classifiers, None), elem_id="answers", elem_classes="gan")
    pad.change(with_errors_shown(of_drawing), pad, table, show_progress="hidden")
    for event in (file.change, inverted.change):
        event(with_errors_shown(of_file), [file, inverted], table, show_progress="hidden")


def _generate(generators: Mapping[str, Generator]) -> None:
    def classes(name: str) -> tuple[Any, ...]:
        generator = generators[name]
        names = list(generator.class_names)
        slider_updates = [gr.update(visible=generator.has_latents, value=0)] * len(MOVES)
        return gr.update(choices=names, value=names), generator.training_in_words, *slider_updates

    def of_all(name: str, names: Sequence[str], number: int, seed: int, *moves: float) -> str:
        generator = generators[name]
        chosen = [n for n in generator.class_names if n in names]
        used_moves = moves if generator.has_latents else ()
        return sheet(generator.rows(chosen, int(number), int(seed), used_moves))

    first = next(iter(generators))
    with gr.Row():
        with gr.Column(scale=1):
            name = gr.Dropdown(list(generators), value=first, label="generator")
            description = gr.Markdown(generators[first].training_in_words)
            names = list(generators[first].class_names)
            labels = gr.CheckboxGroup(names, value=names, label="classes")
            number = gr.Slider(1, 12, 8, step=1, label="images of each")
            seed = gr.Slider(0, 1000, 0, step=1, label="seed")
            moves = [
                gr.Slider(
                    -2, 2, 0, step=0.1, label=f"latents, direction {direction}",
                    visible=generators[first].has_latents,
                )
                for direction in range(1, len(MOVES) + 1)
            ]  # fmt: skip
        with gr.Column(scale=2):
            images = gr.HTML(elem_id="generated", elem_classes="gan")
    name.change(classes, name, [labels, description, *moves], show_progress="hidden")
    _follow(with_errors_shown(of_all), [name, labels, number, seed, *moves], images)


def _denoise(denoisers: Mapping[str, Denoiser]) -> None:
    def of_all(
        name: str, index: int, other_index: int, path: str | None, a: float, b: float, noise: float,
        seed: int,
    ) -> str:  # fmt: skip
        image = uploaded(Path(path), False) if path else digit(int(index))
        mixture = Mixture(a, b, noise, int(seed))
        return denoising_steps(denoisers[name].pictures(image, digit(int(other_index)), mixture))

    first = next(iter(denoisers))
    with gr.Row():
        with gr.Column(scale=1):
            name = gr.Dropdown(list(denoisers), value=first, label="denoiser")
            description = gr.Markdown(denoisers[first].training_in_words)
            index = gr.Slider(0, NUM_DIGITS - 1, 120, step=1, label="the digit")
            other_index = gr.Slider(
                0, NUM_DIGITS - 1, 850, step=1, label="the digit it is drowned in"
            )
            file = gr.File(label="or upload an image to be drowned", type="filepath", height=140)
        with gr.Column(scale=2):
            images = gr.HTML(elem_id="denoised", elem_classes="gan")
            with gr.Row():
                a = gr.Slider(0, 1.5, 0.5, step=0.05, label="a: how strong it is")
                b = gr.Slider(0, 1.5, 0.7, step=0.05, label="b: how strong the other is")
            with gr.Row():
                noise = gr.Slider(0, 1, 0.5, step=0.05, label="noise")
                seed = gr.Slider(0, 100, 0, step=1, label="seed of the noise")
    name.change(
        lambda name: denoisers[name].training_in_words, name, description, show_progress="hidden"
    )
    _follow(with_errors_shown(of_all), [name, index, other_index, file, a, b, noise, seed], images)


def _follow(make: Callable[..., str], inputs: list[Any], output: Any) -> None:
    """Shows in `output` what `make` makes of the inputs, now and whenever one of them changes."""
    current = gr.context.Context.root_block
    events = [current.load, *(component.change for component in inputs)]
    for event in events:
        event(make, inputs, output, show_progress="hidden")


def serve(exports: Mapping[str, Sequence[Exported]], host: str, port: int) -> Callable[[], None]:
    """Loads the models and serves the page; returns what ends it.

    Args:
        exports: As `find_exports` finds them.
        host: Address to listen on.
        port: Port to listen on.

    Raises:
        InputError: If a model cannot be loaded.
    """
    classifiers = Classifiers(list(tracked(exports["classifier"], "loading classifiers")))
    generators = {e.name: Generator(e) for e in tracked(exports["generator"], "loading generators")}
    denoisers = {e.name: Denoiser(e) for e in tracked(exports["denoiser"], "loading denoisers")}
    with gr.Blocks(title="gan_mnist", analytics_enabled=False) as page:
        gr.Markdown("# What the models of a study say, make and mend")
        if exports["classifier"]:
            with gr.Tab("Classify"):
                _classify(classifiers)
        if generators:
            with gr.Tab("Generate"):
                _generate(generators)
        if denoisers:
            with gr.Tab("Denoise"):
                _denoise(denoisers)
    page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        inbrowser=False,
        css=CSS,
        footer_links=[],
        theme=gr.themes.Default(font=SYSTEM, font_mono=("monospace",)),
    )
    return lambda: page.close(verbose=False)
