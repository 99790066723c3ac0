"""``auditor EMAIL``: let an auditor's program read the log's entries and hand in cosignatures, or end that."""

from typing import Any

from django.contrib.auth.models import Permission
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from knox.models import AuthToken

from claims.models import User


class Command(BaseCommand):
    """An auditor has no role: nothing of the staff desk opens, and no record of anybody's is theirs to see."""

    help = (
        "Let EMAIL, an account of its own that is made if need be and cannot sign in, read entries and cosign; prints a"
        " new token, once. --end takes permission and tokens away. The auditor's key goes into AUDITOR_KEYS. Exits 0; 1"
        " when the account is a member of staff or unknown."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom, and whether it ends."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--end", action="store_true", help="take permission and tokens away")

    def handle(self, *args: Any, **options: Any) -> None:
        """Give or take."""
        if options["end"]:
            self._end(options["email"])
        else:
            self.stdout.write(admit(options["email"]))

    @transaction.atomic
    def _end(self, email: str) -> None:
        user = User.objects.filter(email=email.lower()).order_by("pk").first()
        if user is None:
            raise CommandError(f"Nobody has the address {email}.")
        user.user_permissions.remove(_permission())
        AuthToken.objects.filter(user=user).delete()
        self.stdout.write(f"{user.email} reads no entries any more, and its tokens have ended.")


@transaction.atomic
def admit(email: str) -> str:
    """A new token of that auditor, whose earlier ones end. Raises CommandError."""
    user = User.objects.filter(email=email.lower()).order_by("pk").first()
    if user is None:
        user = User.objects.create_user(email, name=f"Auditor {email}")
    if user.is_staff:
        raise CommandError(f"{user.email} is a member of staff: an auditor is somebody else.")
    user.user_permissions.add(_permission())
    AuthToken.objects.filter(user=user).delete()
    _, token = AuthToken.objects.create(user)
    return str(token)


def _permission() -> Permission:
    return Permission.objects.get(content_type__app_label="anchoring", codename="read_entries")
