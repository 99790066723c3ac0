"""The formats of docs/protocol.md as pure functions: bytes in, bytes out, standard library only.

Each module is one section of that page. Parsers raise :class:`canonical.Malformed` and nothing else; checks of Merkle
proofs raise :class:`merkle.ProofInvalid` and nothing else. Keys, storage, clock and network are the caller's.
"""
