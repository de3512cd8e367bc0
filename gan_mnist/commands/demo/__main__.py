"""`python -m gan_mnist.demo`."""

import sys

from gan_mnist.commands.demo.command import main

sys.exit(main(sys.argv))
