"""Every small way to damage an artefact."""


def hash_lists(proof):
    """Proofs like *proof* with one hash flipped, dropped, doubled or swapped with its neighbour, or one more."""
    for i, value in enumerate(proof):
        yield [*proof[:i], flipped(value, i % 256), *proof[i + 1 :]]
        yield [*proof[:i], *proof[i + 1 :]]
        yield [*proof[:i], value, *proof[i:]]
    for i in range(len(proof) - 1):
        yield [*proof[:i], proof[i + 1], proof[i], *proof[i + 2 :]]
    yield [*proof, bytes(32)]
    yield [bytes(32), *proof]


def flipped(value, bit):
    """*value* with one bit changed."""
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")


def every_byte_changed(data):
    """*data* with each byte in turn replaced by each of the 255 others."""
    for i in range(len(data)):
        for other in range(256):
            if other != data[i]:
                yield data[:i] + bytes([other]) + data[i + 1 :]


def every_bit_flipped(data):
    for i in range(len(data)):
        for bit in range(8):
            yield data[:i] + bytes([data[i] ^ 1 << bit]) + data[i + 1 :]


def every_byte_dropped_or_doubled(data):
    for i in range(len(data)):
        yield data[:i] + data[i + 1 :]
        yield data[: i + 1] + data[i:]


def every_cut(data):
    """Every beginning of *data* but the whole."""
    for i in range(len(data)):
        yield data[:i]
