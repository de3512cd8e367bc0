"""A laboratory with one question: does generated data, or an adversarial loss, really help?"""

from pathlib import Path

__version__ = "0.1.0"

# The commands lie in a folder of their own: `python -m gan_mnist.classify` finds them there.
__path__.append(str(Path(__file__).parent / "commands"))
