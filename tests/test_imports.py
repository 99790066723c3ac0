"""Who may import whom: every source file's syntax tree is walked, and the rule that it breaks is quoted."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

RULES = {
    1: "Nobody imports portal.",
    2: "claims takes from anchoring only anchoring.log and anchoring.vault.",
    3: "anchoring never imports claims and never says policy, claim or customer.",
    4: "anchoring.protocol, .verify and .audit import the standard library only; the last two not even protocol.",
    5: "web3 only in anchoring/chain.py; celery only in */tasks.py and in portal/.",
    6: "Inside claims, downward only: views, api, admin, commands → forms → actions → workflow → rules and models.",
    7: "An action never calls an action.",
    8: "No imports inside functions but the listed ones; no signals for our own events.",
}
LAYERS = (
    {
        "advice", "catalogue", "coverage", "deadlines", "duties", "files", "fnol", "gateway", "iban", "models", "money",
        "mrz", "numbers", "papers", "permissions", "rating", "recorded", "wording",
    },
    {"notices", "workflow"},
    {"actions"},
    {"forms", "checkout"},
    {"admin", "api", "api_urls", "apps", "importers", "management", "tasks", "templatetags", "urls", "views"},
)  # fmt: skip
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
INNER_IMPORTS = {
    "anchoring/apps.py": ("anchoring.checks",),  # models exist only once the apps are ready
    "anchoring/chain.py": ("web3",),  # costs seconds
    "claims/papers/typesetting.py": ("typst",),  # 80 MB of code that only this needs
    "claims/apps.py": ("claims.recorded",),  # models exist only once the apps are ready
    "portal/demo.py": ("anchoring", "celery", "claims", "django", "portal"),  # settings are read from what it sets
}
SIGNALS = ("django.dispatch", "django.db.models.signals")
BUSINESS_WORDS = re.compile(r"\b(?:polic(?:y|ies)|claims?|customers?)\b", re.I)


@dataclass(frozen=True)
class Imported:
    """One name that an import statement brings in, in full."""

    name: str
    line: int
    inner: bool

    def comes_from(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(package + ".") for package in packages)

    @property
    def top(self) -> str:
        return self.name.split(".")[0]


def violations(sources: Mapping[str, str]) -> list[str]:
    """Every broken rule in the files (path → text), quoted, with its place."""
    return [violation for path, text in sources.items() for violation in _of_file(path, text)]


def _of_file(path: str, text: str) -> Iterator[str]:
    tree = ast.parse(text)
    imports = list(_imports(tree, path))
    for imported in imports:
        for rule in _broken_by(path, imported):
            yield f"rule {rule}: “{RULES[rule]}” {path}:{imported.line} imports {imported.name}"
    if path.startswith("claims/") and path != "claims/__init__.py" and _part(path) not in RANK:
        yield f"rule 6: “{RULES[6]}” {path} has no layer: give it one in tests/test_imports.py"
    if path.startswith("claims/actions/"):
        for name, line in _actions_called(tree):
            yield f"rule 7: “{RULES[7]}” {path}:{line} calls {name}"
    if path.startswith("anchoring/"):
        judged = {imported.line for imported in imports}
        for number, line in enumerate(text.split("\n"), start=1):
            for word in [] if number in judged else BUSINESS_WORDS.findall(line):
                yield f"rule 3: “{RULES[3]}” {path}:{number} says {word}"


def _broken_by(path: str, imported: Imported) -> Iterator[int]:
    package = path.split("/")[0]
    if package != "portal" and imported.comes_from("portal"):
        yield 1
    if package == "claims":
        if imported.comes_from("anchoring") and not imported.comes_from("anchoring.log", "anchoring.vault"):
            yield 2
        if imported.comes_from("claims") and not _is_downward(path, imported):
            yield 6
    if package == "anchoring" and imported.comes_from("claims"):
        yield 3
    if not _is_pure_enough(path, imported):
        yield 4
    if imported.comes_from("web3") and path != "anchoring/chain.py":
        yield 5
    if imported.comes_from("celery") and package != "portal" and not path.endswith("/tasks.py"):
        yield 5
    if path.startswith("claims/actions/") and imported.comes_from("claims.actions"):
        yield 7
    if (imported.inner and not imported.comes_from(*INNER_IMPORTS.get(path, ()))) or imported.comes_from(*SIGNALS):
        yield 8


def _is_downward(path: str, imported: Imported) -> bool:
    parts = imported.name.split(".")
    return len(parts) < 2 or RANK.get(parts[1], -1) <= RANK.get(_part(path), len(LAYERS))


def _part(path: str) -> str:
    """``forms`` of claims/forms/dates.py, ``money`` of claims/money.py."""
    return path.split("/")[1].removesuffix(".py")


def _is_pure_enough(path: str, imported: Imported) -> bool:
    if path.startswith("anchoring/protocol/"):
        return imported.top in sys.stdlib_module_names or imported.comes_from("anchoring.protocol")
    return path not in ("anchoring/verify.py", "anchoring/audit.py") or imported.top in sys.stdlib_module_names


def _imports(tree: ast.Module, path: str) -> Iterator[Imported]:
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Imported(alias.name, node.lineno, id(node) in inner)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path)
            for alias in node.names:
                yield Imported(f"{module}.{alias.name}", node.lineno, id(node) in inner)


def _absolute(node: ast.ImportFrom, path: str) -> str:
    """A relative import's package, spelled out."""
    if not node.level:
        return node.module or ""
    package = path.split("/")[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _actions_called(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Calls, inside any function of an actions module, of one of its transactions."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    actions = {function.name for function in functions if any(map(_opens_transaction, function.decorator_list))}
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in actions:
                yield node.func.id, node.lineno


def _opens_transaction(decorator: ast.expr) -> bool:
    return "durable_action" in ast.unparse(decorator) or "transaction.atomic" in ast.unparse(decorator)


def the_sources() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for package in ("portal", "claims", "anchoring")
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    }


def test_the_houses_rules_hold() -> None:
    sources = the_sources()
    assert len(sources) > 50
    assert violations(sources) == []


def test_the_lists_name_nothing_that_is_gone() -> None:
    sources = the_sources()
    parts = {_part(path) for path in sources if path.startswith("claims/")} - {"__init__"}
    assert set(RANK) - parts == set()
    assert set(INNER_IMPORTS) - set(sources) == set()


@pytest.mark.parametrize(
    ("path", "text", "rule", "what"),
    [
        ("claims/money.py", "from portal import settings", 1, "imports portal.settings"),
        ("anchoring/log.py", "import portal.env", 1, "imports portal.env"),
        ("claims/workflow.py", "from anchoring import schedule", 2, "imports anchoring.schedule"),
        ("claims/models/claim.py", "from anchoring.models import Entry", 2, "imports anchoring.models.Entry"),
        ("anchoring/log.py", "from claims.models import User", 3, "imports claims.models.User"),
        ("anchoring/log.py", "kind = 'the claim'", 3, "says claim"),
        ("anchoring/log.py", "# a customer asked", 3, "says customer"),
        ("anchoring/protocol/entry.py", "import django", 4, "imports django"),
        ("anchoring/protocol/entry.py", "from anchoring import keys", 4, "imports anchoring.keys"),
        ("anchoring/protocol/entry.py", "from .. import keys", 4, "imports anchoring.keys"),
        ("anchoring/verify.py", "from anchoring.protocol import merkle", 4, "imports anchoring.protocol.merkle"),
        ("anchoring/audit.py", "from anchoring import verify", 4, "imports anchoring.verify"),
        ("anchoring/registry.py", "from web3 import Web3", 5, "imports web3.Web3"),
        ("claims/workflow.py", "from celery import shared_task", 5, "imports celery.shared_task"),
        ("claims/models/claim.py", "from claims.workflow import advance", 6, "imports claims.workflow.advance"),
        ("claims/actions/kyc.py", "from claims.forms.claim import F", 6, "imports claims.forms.claim.F"),
        ("claims/forms/claim.py", "from claims.views import home", 6, "imports claims.views.home"),
        ("claims/actions/kyc.py", "from claims.actions import policy", 7, "imports claims.actions.policy"),
        ("claims/money.py", "def f():\n    import json", 8, "imports json"),
        ("anchoring/chain.py", "def f():\n    import json", 8, "imports json"),
        ("claims/apps.py", "from django.dispatch import receiver", 8, "imports django.dispatch.receiver"),
        ("portal/apps.py", "import django.db.models.signals", 8, "imports django.db.models.signals"),
    ],
)  # fmt: skip
def test_a_planted_violation_is_caught_with_the_rule_that_it_breaks(path, text, rule, what) -> None:
    line = text.count("\n") + 1
    assert violations({path: text}) == [f"rule {rule}: “{RULES[rule]}” {path}:{line} {what}"]


@pytest.mark.parametrize("opened_by", ["durable_action", "transaction.atomic(durable=True)"])
def test_an_action_that_calls_another_one_is_caught(opened_by) -> None:
    text = f"@{opened_by}\ndef pay():\n    pass\n\n\n@durable_action\ndef settle():\n    pay()\n"
    assert violations({"claims/actions/billing.py": text}) == [
        f"rule 7: “{RULES[7]}” claims/actions/billing.py:8 calls pay"
    ]


def test_a_module_without_a_layer_is_caught() -> None:
    assert violations({"claims/misc.py": ""}) == [
        f"rule 6: “{RULES[6]}” claims/misc.py has no layer: give it one in tests/test_imports.py"
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("claims/workflow.py", "from anchoring import log, vault\nfrom anchoring.log import record"),
        ("claims/views/home.py", "from claims.forms import claim\nfrom claims.actions import kyc\nimport json"),
        ("anchoring/tasks.py", "from celery import shared_task"),
        ("anchoring/chain.py", "def f():\n    from web3 import Account"),
        ("anchoring/protocol/entry.py", "import json\nfrom anchoring.protocol import canonical\nfrom . import note"),
        ("portal/celery.py", "from claims import tasks\nfrom celery import Celery"),
    ],
)
def test_what_the_rules_allow_is_allowed(path, text) -> None:
    assert violations({path: text}) == []
