"""What importing web3 leaves behind."""

import subprocess
import sys

USE_WEB3 = """
import sys
from anchoring.chain import address_of
before = sys.getrecursionlimit()
address_of(b"\\x01" * 32)
assert "web3" in sys.modules
print(before == sys.getrecursionlimit())
"""


def test_web3_does_not_leave_a_recursion_limit_at_which_deep_json_kills_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", USE_WEB3], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
