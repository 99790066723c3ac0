"""People: who signs in (User) and who is insured or paid (Party)."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from anchoring.log import person


class Role(models.TextChoices):
    """What a member of staff may do; one each. Policyholders have none."""

    KYC_OFFICER = "kyc_officer", "KYC officer"
    UNDERWRITER = "underwriter", "Underwriter"
    ADJUSTER = "adjuster", "Adjuster"
    SUPERVISOR = "supervisor", "Supervisor"
    FINANCE = "finance", "Finance"
    COMPLIANCE = "compliance", "Compliance officer"


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address, in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a hashed password (or none that works)."""
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A system administrator: runs the site, has no business role unless one is given."""
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Addresses match whatever their case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who signs in, by e-mail address. ``person`` names them in the log and in the vault."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    person = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    role = models.CharField(max_length=16, choices=Role, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_whatever_its_case")]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """One spelling of an address."""
        self.email = self.email.lower()

    @property
    def is_staff(self) -> bool:
        """Whether the staff desk opens."""
        return bool(self.role) or self.is_superuser

    @property
    def owner(self) -> str:
        """Their name in the log and the vault."""
        return person(self.person)


class PartyQuerySet(models.QuerySet["Party"]):
    """Questions asked about parties."""

    def of(self, user: User) -> "Party":
        """The user's own party, made at the first need; its id is the user's ``person``."""
        return self.get_or_create(id=user.person, defaults={"user": user, "name": str(user)})[0]


class Party(models.Model):
    """A person who is insured, claims or is paid; imported ones have no user."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.PROTECT)
    name = models.CharField(max_length=200)
    objects = PartyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "parties"

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """Their name in the log and the vault."""
        return person(self.id)
