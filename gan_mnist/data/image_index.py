"""Finds the images that a table of labels refers to."""

import posixpath
from collections.abc import Sequence

from gan_mnist.data.class_folders import composed
from gan_mnist.data.finding import ImageFile


class ImageIndex:
    """Finds images by what a table may call them: any end of the path, with or without suffix."""

    def __init__(self, files: Sequence[ImageFile]):
        self._images: dict[str, list[str]] = {}
        self._folders: set[str] = set()
        for file in files:
            # The whole path begins with a slash as well.
            parts = ["", *composed(file.name).split("/")]
            self._folders.update(parts[1:-1])
            for start in range(len(parts)):
                tail = "/".join(parts[start:])
                for key in {tail, tail.rpartition(".")[0]}:
                    self._images.setdefault(key, []).append(file.name)

    def match(self, value: str, home: str = "/") -> list[str]:
        """The images that a value may refer to: the one at this path, relative to `home`.

        If there is none, those that share the longest end of the path with it. What precedes that
        end may be of another machine; but if the folder right before it occurs among the images'
        folders, as one of another class or split may, only images in such a folder are meant.
        """
        value = composed(value.strip().replace("\\", "/"))
        full_path = value and posixpath.normpath(posixpath.join(composed(home), value))
        if full_path and full_path in self._images:
            return _spelt_out(self._images[full_path], full_path)
        parts = value.split("/")
        for start in range(len(parts)):
            if (tail := "/".join(parts[start:])) and tail in self._images:
                parents = self._folders.intersection(parts[max(0, start - 1) : start])
                matches = self._images[tail]
                matches = [name for name in matches if parents <= {*composed(name).split("/")[:-1]}]
                return _spelt_out(matches, tail)
        return []


def _spelt_out(names: list[str], value: str) -> list[str]:
    """Narrows the images that a value may refer to to those whose suffix it has, if any.

    `a.tif` means that image, and not `a.tif.png`.
    """
    return [
        name for name in names if f"/{composed(name)}".endswith(f"/{value.lstrip('/')}")
    ] or names
