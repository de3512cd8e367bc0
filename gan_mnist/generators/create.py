"""Creates the generator that settings name, and combines or filters its images."""

import importlib
from dataclasses import replace

import numpy as np

from gan_mnist.data.subsets import Allotment
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.generators.contract import Generator, Request
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.seeding import derive_seed
from gan_mnist.training.classifier import ClassifierRecipe
from gan_mnist.training.judge import trained_judge

# Draws that an image has at most where the judge disagrees; then the surest of all is kept.
MOST_DRAWS = 10
JUDGE_WIDTH, JUDGE_BATCH, JUDGE_RATE = 16, 64, 1e-3


def create_generator(request: Request) -> Generator | None:
    """The generator that the settings name; None for none.

    Raises:
        NotApplicable: If there can be none for such images; the message says why.
    """
    settings = request.settings
    if settings.generator == NONE:
        return None
    row = GENERATORS[settings.generator]
    kind: type[Generator] = getattr(importlib.import_module(row.module), row.name)
    has_several = settings.generators_in_turn > 1 and row.trains
    generator: Generator = InTurn(kind, request) if has_several else kind.create(request)
    # Real images are right as they are; of what is handed out once there is no other to draw.
    is_judged = settings.kept_from and not row.is_real and generator.most is None
    return FilteredGenerator(generator, request) if is_judged else generator


class InTurn(Generator):
    """Several generators of one kind, which take turns at the images of each class.

    They differ in the seed of their training and in the seed of their sampling; the first is the
    one that other arms have.
    """

    def __init__(self, kind: type[Generator], request: Request):
        """Trains the generators that are not trained yet."""
        super().__init__(request.images.train)
        self._kind = kind
        self._requests = [_numbered(request, i) for i in range(request.settings.generators_in_turn)]
        self._keys: tuple[str, ...] = ()
        for turn_request in self._requests:
            generator = kind.create(turn_request)
            self._keys += generator.keys
            self.seconds += generator.seconds
        self.key = self._keys[0]

    @property
    def keys(self) -> tuple[str, ...]:
        return self._keys

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        images = np.empty((len(labels), *self.subset.images.shape[1:]), np.float32)
        turns = _ranks(labels) % len(self._requests)
        for turn, request in enumerate(self._requests):
            # A process has one network for equal recipes, which has the weights of the last asked.
            generator = self._kind.create(request)
            rows = np.flatnonzero(turns == turn)
            turn_seed = derive_seed("in_turn", seed, turn) if turn else seed
            images[rows] = generator.sample(labels[rows], turn_seed)
        return images


def _ranks(labels: np.ndarray) -> np.ndarray:
    """For each label, the number of equal labels before it, int (n,)."""
    order = np.argsort(labels, kind="stable")
    ranks = np.empty(len(labels), int)
    ranks[order] = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])
    return ranks


def _numbered(request: Request, number: int) -> Request:
    if not number:
        return request
    seed = derive_seed("in_turn", request.seed, number)
    name = f"{request.name} in turn {number + 1}"
    # Callbacks look at the first, the one that other arms have.
    return replace(request, seed=seed, name=name, replicate=request.seed, callbacks=())


class FilteredGenerator(Generator):
    """A generator whose images a judge filters, a classifier of the trial's real images.

    An image is drawn anew, within `MOST_DRAWS`, while its class is less probable than `kept_from`.

    Source: dynamic sample filtering, Lampis et al. 2023 (arXiv 2305.10118). What differs: there
    what the judge disagrees with is left out; here as many images come as are wanted.
    """

    def __init__(self, generator: Generator, request: Request):
        """Trains the judge, unless it is trained already."""
        super().__init__(request.images.train)
        self._generator, self._min_probability = generator, request.settings.kept_from
        self._judge, seconds = _judge(request)
        self.key, self.seconds = generator.key, generator.seconds + seconds

    @property
    def keys(self) -> tuple[str, ...]:
        return self._generator.keys

    @property
    def supply(self) -> np.ndarray | None:
        return self._generator.supply

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        images = self._generator.sample(labels, seed)
        confidence = self._sure(images, labels)
        for draw in range(1, MOST_DRAWS):
            rows = np.flatnonzero(confidence < self._min_probability)
            if not len(rows):
                break
            redrawn = self._generator.sample(labels[rows], derive_seed("kept", seed, draw))
            new_confidence = self._sure(redrawn, labels[rows])
            better = new_confidence > confidence[rows]
            images[rows[better]], confidence[rows[better]] = redrawn[better], new_confidence[better]
        return images

    def _sure(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The judge's probability of each image's own class, float32 (n,)."""
        if not len(images):
            return np.zeros(0, np.float32)
        return self._judge.predict(images).probabilities[np.arange(len(labels)), labels]


def _judge(request: Request) -> tuple[FrozenClassifier, float]:
    """The judge: another one than those that measure images, as none may rate its own selection.

    Returns:
        The judge, and the seconds of its training.
    """
    settings, train = request.settings, request.images.train
    recipe = ClassifierRecipe(
        build_small_cnn,
        train.images.shape[1:],
        len(train.class_names),
        JUDGE_WIDTH,
        settings.judge_updates,
        JUDGE_RATE,
        precision=settings.precision,
    )
    empty = train.take(np.array([], int))
    allotment = Allotment(train, empty, empty)
    return trained_judge(recipe, JUDGE_BATCH, allotment, ("kept", request.seed), request.workdir)
