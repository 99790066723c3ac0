"""The staff desk: what each role may look at, and the pages on which it acts.

Nothing is added, changed or deleted here as a row. A case page shows what may be done next, and each step has a page of
its own that calls one action.
"""

from claims.admin import claims, identities, payments, people, policies

__all__ = ["claims", "identities", "payments", "people", "policies"]
