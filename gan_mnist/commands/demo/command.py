"""Shows exported models in a browser: draw a digit, generate images, denoise a mixture.

Nothing here imports TensorFlow, or Gradio, before the flags are checked.
"""

import importlib.util
import os
import socket
import time
from collections.abc import Sequence

from gan_mnist.commands.command import Command, handle_signals, path_from_flag, print_line
from gan_mnist.commands.exported import trust_flag
from gan_mnist.errors import InputError

# Nobody else's machine is to reach it.
HOST = "127.0.0.1"

COMMAND = Command(__doc__.splitlines()[0], "the page is closed")
MODELS = COMMAND.text(
    "models", "saved_models", "folder of exported models, searched with its sub-folders"
)
TRUST_MODEL = trust_flag(COMMAND)
PORT = COMMAND.number("port", 7860, "local port of the web page", minimum=1024, maximum=65535)


def main(argv: Sequence[str]) -> int:
    """Runs the command, until it is stopped.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 2 for bad input, 130 and 143 when it was interrupted or told to end, 141 when
        nobody reads its output.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    from gan_mnist.commands.demo.models import find_exports

    root = path_from_flag(MODELS, "a folder that studies exported to")
    exports = find_exports(root, TRUST_MODEL.value)
    if importlib.util.find_spec("gradio") is None:
        raise InputError("demo: gradio is not installed; pip install 'gan_mnist[demo]'")
    _check_port(PORT.value)
    handle_signals()
    # It would tell its makers that it was started, and ask for its newest version.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

    from gan_mnist.commands.demo.page import serve

    close = serve(exports, HOST, PORT.value)
    try:
        print_line(f"http://{HOST}:{PORT.value} (Ctrl-C ends it)")
        while True:
            time.sleep(1)
    finally:
        close()


def _check_port(port: int) -> None:
    """Raises `InputError` if something else listens there."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InputError(
                f"--port: {port}: {error.strerror}; accepted: a free port, 1024 to 65535"
            ) from None
