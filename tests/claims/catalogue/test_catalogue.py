import shutil
from hashlib import sha256
from pathlib import Path

import pytest

import claims.catalogue
from claims.catalogue import CatalogueError, product, products, products_on_sale, read_products

FOLDER = Path(claims.catalogue.__file__).parent


@pytest.fixture
def copy(tmp_path):
    """The catalogue's files in a folder where they may be changed."""
    shutil.copytree(FOLDER / "products", tmp_path / "products")
    shutil.copy(FOLDER / "versions.lock", tmp_path)
    return tmp_path


def refusal(folder):
    with pytest.raises(CatalogueError) as caught:
        read_products(folder)
    return str(caught.value)


def test_the_catalogue_has_two_products_and_one_is_on_sale():
    assert [found.code for found in products()] == ["airport-baggage-us-1", "travel-1"]
    assert products_on_sale() == (product("travel-1"),)


def test_released_versions_are_these_bytes_for_ever():
    """A failure here means that a released file was changed: put it back, and write the change as a new version."""
    assert {f"{found.family}@{found.version}": found.sha256 for found in products()} == {
        "airport-baggage-us@1": "226580ef8676b66aa68dda9a070fdccd430e55f9d9b3186a4c9772030017657c",
        "travel@1": "f06134ef54749235b6cfc40f7691b8939b0d19cd7e4efaf1b170a18f19a23ba3",
    }
    assert product("travel-1").sha256 == sha256((FOLDER / "products" / "travel-1.toml").read_bytes()).hexdigest()


def test_a_code_that_nobody_sells_is_refused():
    with pytest.raises(CatalogueError, match="The catalogue has no product 'travel-9'"):
        product("travel-9")


def test_a_released_file_that_changed_by_one_byte_is_refused(copy):
    path = copy / "products" / "travel-1.toml"
    path.write_bytes(path.read_bytes().replace(b"per_day = 1.10", b"per_day = 1.20"))
    assert refusal(copy) == (
        "travel-1.toml: has changed since version 1 was released; "
        "put the old bytes back and give the change a new file and version"
    )


def test_even_a_changed_comment_is_a_changed_file(copy):
    path = copy / "products" / "travel-1.toml"
    path.write_bytes(path.read_bytes() + b"# one word more\n")
    assert refusal(copy).startswith("travel-1.toml: has changed since version 1 was released")


def test_a_new_version_must_be_pinned_and_is_told_how(copy):
    new = (copy / "products" / "travel-1.toml").read_bytes().replace(b'version = "1"', b'version = "2"')
    (copy / "products" / "travel-2.toml").write_bytes(new)
    pin = f'"travel@2" = "{sha256(new).hexdigest()}"'
    assert refusal(copy) == f"travel-2.toml: is not pinned; add to versions.lock: {pin}"
    with (copy / "versions.lock").open("a") as lock:
        lock.write(pin + "\n")
    assert [found.code for found in read_products(copy)] == ["airport-baggage-us-1", "travel-1", "travel-2"]


def test_a_released_file_that_is_gone_is_missed(copy):
    (copy / "products" / "travel-1.toml").unlink()
    assert refusal(copy) == "versions.lock: pins travel@1, whose file is gone, but policies may rest on it"


def test_a_file_must_be_named_after_what_it_holds(copy):
    (copy / "products" / "travel-1.toml").rename(copy / "products" / "travel-3.toml")
    assert refusal(copy) == "travel-3.toml: family and version are those of travel-1.toml"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            b'"baggage_lost", ',
            b'"baggage_late", ',
            "names the cause 'baggage_late', which the list of causes does not have",
        ),
        (b"NO_PROOF =", b"NO_LUCK =", "names the reason 'NO_LUCK', which the list of reasons does not have"),
    ],
)
def test_causes_and_reasons_must_be_in_the_lists(copy, old, new, sentence):
    path = copy / "products" / "travel-1.toml"
    before = path.read_bytes()
    path.write_bytes(before.replace(old, new))
    lock = copy / "versions.lock"
    lock.write_text(lock.read_text().replace(sha256(before).hexdigest(), sha256(path.read_bytes()).hexdigest()))
    assert refusal(copy) == f"travel-1.toml: {sentence}"
