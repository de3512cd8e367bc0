"""The weights of the losses of a network with an adversary, by update."""

import math
from dataclasses import dataclass

from gan_mnist.errors import InputError


@dataclass(frozen=True)
class Schedule:
    """The weights of content loss and adversarial loss, by update.

    Attributes:
        phases: (from_update, content_weight, adversarial_weight) in order of updates, which are
            counted from 0, where the first phase begins. Content loss alone until update 1000, say,
            then both: ((0, 1, 0), (1000, 1, 0.001)).

    Raises:
        InputError: For phases in another order, a negative weight, or two weights of 0.
    """

    phases: tuple[tuple[int, float, float], ...] = ((0, 1.0, 0.0),)

    def __post_init__(self) -> None:
        starts = [start for start, *_ in self.phases]
        weights = [weight for _, *phase_weights in self.phases for weight in phase_weights]
        if (
            starts[:1] != [0]
            or starts != sorted(set(starts))
            or not all(math.isfinite(weight) and weight >= 0 for weight in weights)
            or not all(content + adversarial for _, content, adversarial in self.phases)
        ):
            raise InputError(
                f"schedule: {self.phases} is not accepted; accepted: (update, content weight, "
                "adversarial weight) with updates that rise from 0 and weights of 0 or more, one "
                "of them above 0"
            )

    @property
    def has_adversary(self) -> bool:
        """Whether the adversarial loss ever counts."""
        return any(adversarial for _, _, adversarial in self.phases)
