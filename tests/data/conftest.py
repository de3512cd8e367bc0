"""What the tests of reading images, and of keeping them, share."""

import pytest

from gan_mnist.data import cache, reading


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where they are kept, which is empty; files are, though they are new."""
    monkeypatch.setenv("GAN_MNIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "SETTLED_SECONDS", -60)
    return tmp_path / "cache" / cache.DECODED


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that were decoded."""
    names = []

    def decode(path, look):
        names.append(path.name)
        return original(path, look)

    original = reading.decode
    monkeypatch.setattr(reading, "decode", decode)
    return names
