"""How the folder of a class is called."""

from collections.abc import Iterable
from urllib.parse import quote


def directory_name(class_name: str) -> str:
    """A name for the folder of a class, which every file system accepts.

    What it may not accept is written as in a web address ("T-shirt%2Ftop"), and the percent sign
    too, so that different classes have different folders; `urllib.parse.unquote` undoes it. So are
    a first dot, which would hide the folder, and a last dot or space, which Windows drops.
    """
    last = len(class_name) - 1
    return "".join(
        f"%{ord(c):02X}"
        if (c == "." and i in (0, last)) or (c == " " and i == last)
        else quote(c, safe="", errors="surrogatepass")
        if c in '%/\\<>:"|?*' or not c.isprintable()
        else c
        for i, c in enumerate(class_name)
    )


def class_of_folders(class_names: Iterable[str]) -> dict[str, str]:
    """The class of each name that its folder may have: its own, before any `directory_name`."""
    names = list(class_names)
    return {directory_name(name): name for name in names} | {name: name for name in names}
