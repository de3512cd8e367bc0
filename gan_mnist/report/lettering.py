"""Names in any script: drawn with a font that has their signs, or else spelled out."""

import functools
import unicodedata

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

# Comes with matplotlib: the same picture everywhere.
_FIRST = "DejaVu Sans"
# For characters that it lacks, if one of these is installed. Colour emoji cannot be drawn.
_OTHERS = (
    "Noto Sans CJK KR", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans KR", "Noto Sans JP",
    "Noto Sans SC", "NanumGothic", "Nanum Gothic", "Malgun Gothic", "Apple SD Gothic Neo",
    "Hiragino Sans", "Yu Gothic", "MS Gothic", "PingFang SC", "PingFang HK", "Microsoft YaHei",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Arial Unicode MS",
    "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai",
    "Noto Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Symbola", "Unifont",
)  # fmt: skip
_INSTALLED = {font.name for font in fontManager.ttflist}
FAMILIES = [_FIRST, *(name for name in _OTHERS if name in _INSTALLED)]
# Prefixes of Unicode names, of which the rest is how they are spoken.
_SYLLABLES = (
    "HANGUL SYLLABLE ", "HIRAGANA LETTER SMALL ", "HIRAGANA LETTER ", "KATAKANA LETTER SMALL ",
    "KATAKANA LETTER ",
)  # fmt: skip


def legible(text: str) -> str:
    """`text` as it can be drawn: a character that no font has is spelled out by its Unicode name.

    So class names stay distinct, where all would be the same boxes.
    """
    return "".join(character if _is_drawn(character) else _spelled(character) for character in text)


@functools.cache
def _is_drawn(character: str) -> bool:
    if unicodedata.category(character) == "Cf":
        return False
    fonts = (get_font(findfont(FontProperties(family=[name]))) for name in FAMILIES)
    return any(font.get_char_index(ord(character)) for font in fonts)


def _spelled(character: str) -> str:
    # What joins or changes the sign before it is not seen alone.
    if unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return ""
    name = unicodedata.name(character, "")
    for prefix in _SYLLABLES:
        if name.startswith(prefix):
            return name.removeprefix(prefix).lower()
    if not name or "IDEOGRAPH" in name:
        return f"U+{ord(character):X}"
    return f"({name.lower()})"
