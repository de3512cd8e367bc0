"""A laboratory with one question: does generated data, or an adversarial loss, really help?"""

__version__ = "0.1.0"
