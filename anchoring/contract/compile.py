"""Compile AuditAnchor.vy and print its artefact, in one fixed way, so that anyone gets the same bytes.

Run it with a Python that has what requirements-contract.txt pins, and nothing of ours:
``python anchoring/contract/compile.py > anchoring/contract/AuditAnchor.json``

The settings were chosen by measuring (docs/decisions/011-an-anchors-calldata-is-packed.md): the Venom code generator
saves 4 to 6 percent of each anchor's gas; optimising for size instead of gas adds less than half a percent and makes
the code a fifth shorter, which counts where each byte of new code costs 1,530 gas (EIP-8037). Vyper's own metadata is
left out: it would tie the code to the source's comments, and the source's digest stands in the artefact anyway.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import vyper  # type: ignore[import-not-found]  # not in our environment: see above
from vyper.compiler import compile_code  # type: ignore[import-not-found]
from vyper.compiler.settings import OptimizationLevel, Settings  # type: ignore[import-not-found]

SOURCE = Path(__file__).with_name("AuditAnchor.vy")
EVM_VERSION = "cancun"


def artefact(source: str) -> dict[str, Any]:
    """ABI, code to deploy, code as deployed, and what it takes to get them again."""
    bytecode, deployed = _compiled(source, "bytecode"), _compiled(source, "bytecode_runtime")
    assert bytecode.endswith(deployed.removeprefix("0x"))
    return {
        "abi": _compiled(source, "abi"),
        "bytecode": bytecode,
        "deployed_bytecode": deployed,
        "compiler": f"vyper {vyper.__long_version__}",
        "settings": {
            "evm_version": EVM_VERSION,
            "optimize": "codesize",
            "experimental_codegen": True,
            "bytecode_metadata": False,
        },
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
    }


def _compiled(source: str, output: str) -> Any:
    """One output of a compilation of its own: Venom optimises in place, so a second output of the same one differs."""
    settings = Settings(evm_version=EVM_VERSION, optimize=OptimizationLevel.CODESIZE, experimental_codegen=True)
    return compile_code(source, output_formats=[output], settings=settings, no_bytecode_metadata=True)[output]


if __name__ == "__main__":
    json.dump(artefact(SOURCE.read_text(encoding="utf-8")), sys.stdout, indent=1)
    sys.stdout.write("\n")
