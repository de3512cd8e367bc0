"""Names of class folders."""

import unicodedata
from collections.abc import Iterable
from urllib.parse import quote


def composed(name: str) -> str:
    """A name for comparisons: accents are one with their letters, which macOS writes apart."""
    return unicodedata.normalize("NFC", name)


def directory_name(class_name: str) -> str:
    """A name for the folder of a class, which every file system accepts.

    Characters that some reject are percent-encoded as in a URL ("T-shirt%2Ftop"), and so is the
    percent sign, so that classes do not share a folder; `urllib.parse.unquote` undoes it. So are
    a first dot, which would hide the folder, and a last dot or space, which Windows drops.
    """
    last_index = len(class_name) - 1
    return "".join(
        f"%{ord(char):02X}"
        if (char == "." and index in (0, last_index)) or (char == " " and index == last_index)
        else quote(char, safe="", errors="surrogatepass")
        if char in '%/\\<>:"|?*' or not char.isprintable()
        else char
        for index, char in enumerate(class_name)
    )


def class_of_folders(class_names: Iterable[str]) -> dict[str, str]:
    """Maps possible folder names, `composed`, to classes: class names, then `directory_name`s."""
    names = list(class_names)
    return {composed(directory_name(name)): name for name in names} | {
        composed(name): name for name in names
    }
