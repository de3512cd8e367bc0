"""Image files of one grey."""

from PIL import Image


def draw(folder, sizes, mode="L", value=100):
    folder.mkdir(exist_ok=True)
    names = []
    for number, size in enumerate(sizes):
        names.append(f"{number}.png")
        Image.new(mode, size, value).save(folder / names[-1])
    return names
