"""The catalogue: products, causes, reasons and limits as data files, pinned by their fingerprints.

A product's file never changes once it is released, because policies were sold by it: `versions.lock` pins the SHA-256
of each version's bytes, and a file that differs is refused at load. A new tariff is a new file with a new version.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from claims.catalogue.lists import Cause, KycReason, Reason, authority_limit, causes, kyc_reasons, reasons
from claims.catalogue.product import Clause, Coverage, Exclusion, Product, Question, parse_product
from claims.catalogue.table import CatalogueError

__all__ = [
    "CatalogueError", "Cause", "Clause", "Coverage", "Exclusion", "KycReason", "Product", "Question", "Reason",
    "authority_limit", "causes", "kyc_reasons", "product", "products", "products_on_sale", "read_products", "reasons",
]  # fmt: skip

_FOLDER: Final = Path(__file__).parent


def product(code: str) -> Product:
    """The product with this code, such as "travel-1". CatalogueError when there is none."""
    for candidate in products():
        if candidate.code == code:
            return candidate
    raise CatalogueError(f"The catalogue has no product {code!r}.")


def products_on_sale() -> tuple[Product, ...]:
    """Those that a person can buy here."""
    return tuple(candidate for candidate in products() if candidate.sold_online)


@cache
def products() -> tuple[Product, ...]:
    """Every product in every version, by code; read once and checked against the lock."""
    return read_products(_FOLDER)


def read_products(folder: Path) -> tuple[Product, ...]:
    """Read and check all product files of a catalogue folder. CatalogueError names the file and the fault."""
    lock = tomllib.loads((folder / "versions.lock").read_text(encoding="utf-8"))
    found = tuple(_read_product(path, lock) for path in sorted((folder / "products").glob("*.toml")))
    lost = set(lock) - {_pin(candidate) for candidate in found}
    if lost:
        raise CatalogueError(f"versions.lock: pins {min(lost)}, whose file is gone, but policies may rest on it")
    return found


def _read_product(path: Path, lock: dict[str, str]) -> Product:
    found = parse_product(path.read_bytes(), file=path.name)
    if path.stem != found.code:
        raise CatalogueError(f"{path.name}: family and version are those of {found.code}.toml")
    pinned = lock.get(_pin(found))
    if pinned is None:
        raise CatalogueError(f'{path.name}: is not pinned; add to versions.lock: "{_pin(found)}" = "{found.sha256}"')
    if pinned != found.sha256:
        raise CatalogueError(
            f"{path.name}: has changed since version {found.version} was released; "
            "put the old bytes back and give the change a new file and version"
        )
    _check_codes(found, file=path.name)
    return found


def _pin(found: Product) -> str:
    return f"{found.family}@{found.version}"


def _check_codes(found: Product, *, file: str) -> None:
    """Causes and reasons that a product names must be in the lists."""
    for kind, named, known in (("cause", found.causes, causes()), ("reason", tuple(found.provisions), reasons())):
        unknown = sorted(set(named) - set(known))
        if unknown:
            raise CatalogueError(f"{file}: names the {kind} {unknown[0]!r}, which the list of {kind}s does not have")
