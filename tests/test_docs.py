"""What the documents show is true: examples verify, vocabularies and tables are those of the code."""

import ast
import json
import re
from datetime import date
from pathlib import Path

import pytest

from anchoring import networks, verify
from anchoring.keys import verify_ed25519
from anchoring.protocol.canonical import dumps
from anchoring.protocol.entry import subject
from anchoring.protocol.trust import parse_trust
from claims import wording, workflow
from tests.anchoring import history_world
from tests.anchoring.protocol import reference_map

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").rglob("*.md")])
COLUMNS = 120
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
BEYOND_THE_TABLE = {
    "refusal.recorded", "record.opened", "proof.exported", "log.registered", "log.state", "log.lost", "log.key",
}  # fmt: skip


def example(name: str) -> str:
    """The example block of that name in docs/protocol.md."""
    return re.search(rf"```{name}\n(.*?)```", PROTOCOL, re.DOTALL)[1]


def test_the_example_proof_is_one_that_the_verifier_passes() -> None:
    proof = dumps(json.loads(example("proof")))
    report = verify.verify(proof, example("trust").strip().encode(), require=frozenset({1, 2}))
    assert [line.status for line in report.lines] == ["passed", "passed", *["not checked"] * 5]
    assert report.number == "CLM-2026-000123-2"
    assert json.loads(example("proof"))["entries"][0]["entry"] == example("entry").strip()


def test_the_example_anchor_is_the_one_of_the_vectors() -> None:
    vector = json.loads((ROOT / "tests" / "vectors" / "files" / "event-good.json").read_text(encoding="utf-8"))
    anchor = verify.read_anchor(vector["anchor"])
    assert json.loads(example("anchor")) == vector["anchor"]
    assert isinstance(anchor, verify.ReceiptAnchor)
    header = verify.read_header(anchor.header_rlp)
    assert f"block {header.number} with the hash `{header.hash}`" in " ".join(PROTOCOL.split())


def test_the_example_receipt_is_one_that_the_verifier_accepts() -> None:
    assert verify.verify(example("receipt").encode(), example("trust").strip().encode()).exit_code == 0


def test_the_example_trust_file_is_read_by_the_portal_too() -> None:
    trust = parse_trust(example("trust").strip().encode(), verify_ed25519)
    assert trust.newest.origin == "touchstone.example/log"


def test_the_example_map_is_what_the_definition_gives() -> None:
    shown = example("map")
    about = re.findall(r"^index (\d)  (\w+) (\S+)$", shown, re.MULTILINE)
    log = [(subject(kind, id), reference_map.sha(b"\x00", f"entry {index}".encode())) for index, kind, id in about]
    assert [leaf.hex() for _, leaf in log] == re.findall(r"leaf hash  ([0-9a-f]{64})", shown)
    assert list(dict.fromkeys(s.hex() for s, _ in log)) == re.findall(r"subject    ([0-9a-f]{64})", shown)
    values = reference_map.values(log)
    leaves = {reference_map.leaf(s, value).hex() for s, value in values.items()}
    mini_roots = {mini_root.hex() for _, _, mini_root in values.values()}
    assert (leaves | mini_roots) - set(re.findall("[0-9a-f]{64}", shown)) == set()
    assert f"{reference_map.root(log).hex()} = H(01 ‖ 0000" in shown
    assert json.loads(example("state"))["data"]["map_root"] == reference_map.root(log).hex()
    _, steps = reference_map.path(values, subject("claim", "71337960-faa6-49a7-9820-b690a7ce14aa"))
    lines = [f"  position {position}  sibling {sibling.hex()}\n" for position, sibling in steps]
    assert "".join(lines) in example("map-path")


def test_the_example_history_is_the_one_of_the_vectors() -> None:
    assert json.loads(example("history")) == history_world.complete()["history"]


def test_every_kind_of_entry_is_in_the_vocabulary_and_has_words() -> None:
    section = PROTOCOL[PROTOCOL.index("## 9. Vocabulary") : PROTOCOL.index("## 10. Map")]
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE))
    recorded = {step.kind for step in workflow.STEPS} | BEYOND_THE_TABLE
    assert documented == recorded
    assert recorded - set(wording.STAFF) == set()


each_document = pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What may stand behind # in a link to the page: its headings, as Git hosts write them in an address."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_documents_are_there() -> None:
    named = {str(page.relative_to(ROOT)) for page in DOCUMENTS}
    assert {"README.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md", "docs/protocol.md"} - named == set()


@each_document
def test_every_link_in_the_documents_leads_somewhere(page: Path) -> None:
    broken = []
    for target, fragment in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", prose(page)):
        if target.startswith(("http", "mailto")):
            continue
        there = page.parent / target if target else page
        if not there.exists() or (fragment and fragment not in anchors(there)):
            broken.append(f"{target}#{fragment}")
    assert broken == []


@each_document
def test_every_line_of_the_documents_fits_into_120_columns(page: Path) -> None:
    """But for tables and code blocks, and for a line that is one long word."""
    lines = [line for line in prose(page).splitlines() if not line.lstrip().startswith("|")]
    assert [line for line in lines if len(line) > COLUMNS and len(line.split()) > 1] == []


@each_document
def test_the_documents_keep_to_the_words_of_the_house(page: Path) -> None:
    """Documents are called documents; what is claimed, where a record is and who is meant is said in plain words."""
    retired = r"\bpapers\b|thing by thing|mark in the log|stands here"
    assert re.findall(retired, re.sub(r"`[^`]*`", "", prose(page)), re.IGNORECASE) == []


# --- Decisions -------------------------------------------------------------------------------------------------------

DECISIONS = sorted(page for page in (ROOT / "docs" / "decisions").glob("*.md") if page.name != "README.md")
HEAD = re.compile(
    r"# (?P<number>\d{3})\. (?P<title>[^\n]+)\n\n"
    r"Date: (?P<date>20\d\d-\d\d-\d\d)\n\n"
    r"Status: (?P<status>accepted|superseded by (?P<by>\d{3}))\n\n"
)
SECTIONS = ["Decision", "Why", "Alternatives", "Cost"]

each_decision = pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name[:3])


def head(page: Path) -> dict[str, str]:
    """Number, title, date and status of a decision, and by which one it was superseded."""
    found = HEAD.match(page.read_text(encoding="utf-8"))
    assert found, f"{page.name} does not begin with number and title, date, status"
    return found.groupdict()


def sections(page: Path) -> dict[str, str]:
    """Heading → text of each section."""
    _, *parts = re.split(r"^## (.+)\n", prose(page), flags=re.MULTILINE)
    return {heading: text.strip() for heading, text in zip(parts[::2], parts[1::2], strict=True)}


@each_decision
def test_a_decision_has_its_number_date_and_status(page: Path) -> None:
    read = head(page)
    assert page.name.startswith(f"{read['number']}-")
    date.fromisoformat(read["date"])
    assert read["by"] in {None, *(decision.name[:3] for decision in DECISIONS)} - {read["number"]}


@each_decision
def test_a_decision_says_why_what_was_not_done_and_what_it_costs(page: Path) -> None:
    written = sections(page)
    assert [heading for heading in written if heading != "Context"] == SECTIONS
    assert list(written)[0] in ("Context", "Decision")
    assert [heading for heading, text in written.items() if not text] == []
    assert re.findall(r"^- \*\*.+?\*\*", written["Alternatives"], re.MULTILINE | re.DOTALL)


def test_decisions_have_numbers_of_their_own_and_stand_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d+)\]\((.+?)\) \| (.+) \| (\S+) \| (.+) \|$", index, re.MULTILINE)
    heads = [(page.name, head(page)) for page in DECISIONS]
    assert rows == [(read["number"], name, read["title"], read["date"], read["status"]) for name, read in heads]
    assert len({read["number"] for _, read in heads}) == len(heads) > 15


# --- Vectors ---------------------------------------------------------------------------------------------------------

VECTORS = ROOT / "tests" / "vectors"


def rows(page: Path, heading: str) -> list[str]:
    """The first cells of the table in that section, without their code marks."""
    section = page.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_the_page_about_vectors_names_their_families_members_and_questions() -> None:
    index = json.loads((VECTORS / "index.json").read_text(encoding="utf-8"))
    page = VECTORS / "README.md"
    assert rows(page, "Families") == list(dict.fromkeys(vector["name"].split("-")[0] for vector in index))
    assert sorted(rows(page, "What index.json means")) == sorted({member for vector in index for member in vector})
    options = {option for vector in index for option in vector["arguments"][::2]}
    assert {option for option in options if f"`{option}`" not in page.read_text(encoding="utf-8")} == set()
    answers = [a for file in (VECTORS / "rpc").iterdir() for a in json.loads(file.read_text(encoding="utf-8"))]
    assert set(rows(page, "The node")) == {answer["method"] for answer in answers}


# --- Operations ------------------------------------------------------------------------------------------------------


def operations_page(name: str) -> str:
    return (ROOT / "docs" / "operations" / f"{name}.md").read_text(encoding="utf-8")


def test_the_index_of_operations_names_every_page_once() -> None:
    folder = ROOT / "docs" / "operations"
    rows = re.findall(r"^\| \[(.+)\]\((.+)\) \|", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name, _ in rows] == [target for _, target in rows]
    assert sorted(target for _, target in rows) == sorted(
        page.name for page in folder.iterdir() if page.name != "README.md"
    )


def test_every_variable_that_settings_read_is_in_the_table_of_operations() -> None:
    operations = operations_page("settings")
    settings = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', settings)) | set(re.findall(r'_database\("([A-Z_]+)"', settings))
    assert {name for name in read if f"`{name}`" not in operations} == set()


def test_the_worked_example_of_another_chain_is_a_row_that_is_read() -> None:
    row = re.search(r"```toml\n(.*?)```", operations_page("chain"), re.DOTALL)[1]
    table = networks.read(networks.FILE.read_bytes() + row.encode(), file="networks.toml")
    added = table.by_name("base-sepolia")
    assert (added.chain_id, added.finality, added.genesis.hex()) == (
        84532, "finalized", "0dcc9e089e30b90ddfc55be9a37dd15bc551aeee999d2e2b51414c54eaf934e4",
    )  # fmt: skip
    assert added.transaction_url(b"\x01" * 32) == f"https://sepolia.basescan.org/tx/0x{'01' * 32}"
    assert (table.title(84532), table.chain_ids()) == (added.title, networks.shipped().chain_ids())


def halting_sentences() -> dict[str, list[str]]:
    """What anchoring says when it cannot go on: by its place, the literal parts of at least four words."""
    found = {}
    for module in (ROOT / "anchoring").rglob("*.py"):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Halted", "ChainUnavailable"):
                texts = [c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
                long = [part for text in texts for part in re.split(r"[.;:,]", text) if len(part.split()) >= 4]
                found[f"{module.relative_to(ROOT)}:{node.lineno}"] = long
    return found


def test_every_sentence_with_which_anchoring_stops_is_in_the_table_of_troubles() -> None:
    page = operations_page("troubles")
    table = page[page.index("## When something is wrong") : page.index("## Drills")]
    sentences = {place: parts for place, parts in halting_sentences().items() if parts}
    missing = {
        place: parts
        for place, parts in sentences.items()
        if not any(" ".join(part.split()[:4]).lower() in table.lower() for part in parts)
    }
    assert missing == {}
    assert len(sentences) > 20
