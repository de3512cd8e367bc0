"""Random streams, derived from a seed and a purpose and never from the arm.

Two arms of one seed therefore share their subset, initial weights, batch order, dropout masks and
evaluation noise, which is what makes their difference a paired one.
"""

import hashlib


def derive_seed(*parts: str | int) -> int:
    """An independent seed in [0, 2**31) for the stream that `parts` name.

    Example: `derive_seed("imbalance", 3, "batch_order")`.
    """
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
