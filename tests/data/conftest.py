"""What the tests of reading images, and of keeping them, share."""

import pytest

from gan_mnist.data import decoded_cache, reading


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where they are kept, which is empty; files are, though they are new."""
    monkeypatch.setenv("GAN_MNIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded_cache, "SETTLED_SECONDS", -60)
    return tmp_path / "cache" / decoded_cache.DECODED


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that were decoded."""
    names = []

    def decode(path, conversion):
        names.append(path.name)
        return original(path, conversion)

    original = reading.decode
    monkeypatch.setattr(reading, "decode", decode)
    return names
