"""Imported once by the process that the drill's children are forked from: they start within milliseconds.

It opens no database and no connection: what is forked off has nothing of anybody's open.
"""

import django

django.setup()

from anchoring.chain import address_of  # noqa: E402 - models exist only once the apps are ready
from anchoring.drill import child  # noqa: E402

READY = (child, address_of(b"\x01" * 32))  # the first address imports web3, which costs a second
