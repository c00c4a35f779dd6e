"""People, their devices, whom they follow and block, what they consented to."""

from datetime import datetime
from typing import Any, ClassVar, Final, Self

import pgtrigger
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.functions import RandomUUID
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Lower
from django.utils import timezone

from redshop.core.db import LockableQuerySet
from redshop.core.ids import uuid7
from redshop.core.populations import Population

HANDLE_PATTERN: Final = r"^[A-Za-z0-9_.]{3,30}\Z"
HANDLE = RegexValidator(HANDLE_PATTERN, "3 to 30 letters, digits, dots or underscores.")


class UserQuerySet(LockableQuerySet["User"]):
    def active(self) -> Self:
        """Keep those whose account is open."""
        return self.filter(is_active=True)

    def with_handle(self, handle: str) -> Self:
        """Keep the person of this handle, in whatever case it is written."""
        return self.alias(lower_handle=Lower("handle")).filter(lower_handle=Lower(Value(handle)))

    def with_email(self, email: str) -> Self:
        """Keep the person of this address, in whatever case it is written."""
        return self.alias(lower_email=Lower("email")).filter(lower_email=Lower(Value(email)))

    def visible_to(self, viewer_id: int | None) -> Self:
        """Keep the open accounts but those of people who blocked the viewer."""
        if viewer_id is None:
            return self.active()
        blocks = Block.objects.filter(blocker=OuterRef("pk"), blocked=viewer_id)
        return self.active().filter(~Exists(blocks))


class UserManager(BaseUserManager["User"]):
    """Makes users for Django's own commands; the API registers through the services."""

    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def locked(self) -> UserQuerySet:
        return self.get_queryset().locked()

    def active(self) -> UserQuerySet:
        return self.get_queryset().active()

    def with_handle(self, handle: str) -> UserQuerySet:
        return self.get_queryset().with_handle(handle)

    def with_email(self, email: str) -> UserQuerySet:
        return self.get_queryset().with_email(email)

    def visible_to(self, viewer_id: int | None) -> UserQuerySet:
        return self.get_queryset().visible_to(viewer_id)

    def create_user(self, handle: str, email: str, password: str | None = None, **rest: Any) -> Any:
        """Create a person with a hashed password (unusable where none is given)."""
        user = self.model(handle=handle, email=self.normalize_email(email), **rest)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, handle: str, email: str, password: str, **rest: Any) -> Any:
        """Create an administrator."""
        return self.create_user(handle, email, password, is_staff=True, is_superuser=True, **rest)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the person of this handle; Django's own login asks so."""
        return self.with_handle(username or "").get()


class Gender(models.TextChoices):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class User(AbstractBaseUser, PermissionsMixin):
    """A person who reads, writes, buys or works here."""

    id = models.BigAutoField(primary_key=True)
    handle = models.CharField(max_length=30, validators=[HANDLE])
    email = models.EmailField()
    email_verified_at = models.DateTimeField(null=True, blank=True)
    display_name = models.CharField(max_length=60, blank=True)
    bio = models.CharField(max_length=300, blank=True)
    avatar = models.ImageField(upload_to="avatars/", blank=True)
    locale = models.CharField(max_length=10, default="en")
    gender = models.CharField(max_length=6, choices=Gender.choices, blank=True)
    birth_year = models.PositiveSmallIntegerField(null=True, blank=True)
    city = models.CharField(max_length=60, blank=True)
    joined_at = models.DateTimeField(default=timezone.now)
    population = models.CharField(
        max_length=9,
        choices=Population.choices,
        default=Population.REAL,
        help_text="Simulated people are never counted as measured ones.",
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May enter the admin.")
    is_analyst = models.BooleanField(default=False, help_text="May read every statistic.")
    is_moderator = models.BooleanField(default=False, help_text="May take notes down.")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "handle"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("handle"), name="user_handle_once"),
            models.UniqueConstraint(Lower("email"), name="user_email_once"),
            models.CheckConstraint(
                condition=Q(birth_year=None) | Q(birth_year__range=(1900, 2100)),
                name="user_birth_year_plausible",
            ),
        ]

    def __str__(self) -> str:
        return self.handle

    def get_full_name(self) -> str:
        return self.display_name or self.handle

    def get_short_name(self) -> str:
        return self.handle


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def unrevoked(self) -> Self:
        """Keep the tokens that nobody took back."""
        return self.filter(revoked_at=None)

    def alive(self, *, at: datetime) -> Self:
        """Keep the tokens that open the door at this moment."""
        return self.unrevoked().filter(expires_at__gt=at, user__is_active=True)


class AccessToken(models.Model):
    """One device's key to the API; only its SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    device = models.CharField(max_length=80, blank=True, help_text="What it calls itself.")
    visitor_id = models.UUIDField(
        null=True, blank=True, help_text="The device, as it was known before the login."
    )
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the hour.")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[AccessTokenQuerySet] = AccessTokenQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="token_expires_after_creation"
            ),
            models.UniqueConstraint(
                fields=["user", "visitor_id", "device"],
                condition=Q(revoked_at=None),
                name="token_once_a_device",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.device or 'a device'}"


class Follow(models.Model):
    """A person who wants to see another's notes."""

    id = models.BigAutoField(primary_key=True)
    follower = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="following", db_index=False
    )
    followed = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="followers", db_index=False
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "followed"], name="follow_once"),
            models.CheckConstraint(
                condition=~Q(follower=F("followed")), name="follow_another_person"
            ),
        ]
        indexes = [
            models.Index(fields=["follower", "-id"], name="follow_by_follower"),
            models.Index(fields=["followed", "-id"], name="follow_by_followed"),
        ]

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followed_id}"


class BlockQuerySet(models.QuerySet["Block"]):
    def between(self, one_id: int, other_id: int) -> Self:
        """Keep the blocks of one of the two against the other."""
        return self.filter(blocker__in=[one_id, other_id], blocked__in=[one_id, other_id])


class Block(models.Model):
    """A person who wants nothing to do with another."""

    id = models.BigAutoField(primary_key=True)
    blocker = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="blocking", db_index=False
    )
    blocked = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocked_by")
    created_at = models.DateTimeField()

    objects: ClassVar[BlockQuerySet] = BlockQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="block_once"),
            models.CheckConstraint(condition=~Q(blocker=F("blocked")), name="block_another_person"),
        ]

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"


class Purpose(models.TextChoices):
    """What data about a person may be used for."""

    ANALYTICS = "analytics"
    PERSONALISATION = "personalisation"
    MARKETING = "marketing"


class Consent(models.Model):
    """What a person said about one purpose, and when they last changed it."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=15, choices=Purpose.choices)
    is_granted = models.BooleanField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "purpose"], name="consent_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {'grants' if self.is_granted else 'refuses'} {self.purpose}"


class Dial(models.TextChoices):
    """How much of a topic a person wants."""

    REDUCE = "reduce"
    DEFAULT = "default"
    INCREASE = "increase"


class Preference(models.Model):
    """How one person wants the feed to treat them."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="preference"
    )
    is_personalised = models.BooleanField(
        default=True, help_text="Whether the feed may follow what this person does."
    )
    topics = models.JSONField(default=dict, blank=True, help_text="Dial by topic slug.")

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class Notification(models.Model):
    """Something that a person is told about, once."""

    class Kind(models.TextChoices):
        LIKE = "like"
        COMMENT = "comment"
        FOLLOW = "follow"
        ORDER = "order"
        DECISION = "decision"

    id = models.BigAutoField(primary_key=True)
    recipient = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="notifications", db_index=False
    )
    actor = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    subject = models.JSONField(
        default=dict, help_text="Ids of what it is about, such as note_id or order_id."
    )
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "kind", "actor", "subject"],
                nulls_distinct=False,
                name="notification_once",
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="notification_newest"),
            models.Index(
                fields=["recipient"], condition=Q(read_at=None), name="notification_unread"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.recipient_id}"


class Erasure(models.Model):
    """A person who asked to be erased, when that was done, and how many rows it touched."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.OneToOneField(User, on_delete=models.PROTECT, related_name="erasure")
    asked_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)
    touched = models.JSONField(
        default=dict, help_text="Rows deleted or blanked, by table; what apps do themselves apart."
    )

    class Meta:
        triggers = [pgtrigger.Protect(name="erasure_kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(self.person_id)


class Export(models.Model):
    """Everything held about a person, gathered for them to take along."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exports")
    asked_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    file = models.CharField(max_length=100, blank=True, help_text="In the private storage.")
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ready_at=None), name="export_one_in_the_making"
            ),
            models.CheckConstraint(
                condition=Q(ready_at=None, expires_at=None)
                | Q(ready_at__isnull=False, expires_at__gt=F("ready_at")),
                name="export_ready_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"export of {self.person_id}"


class AccessRecord(models.Model):
    """A member of staff who looked at personal data in the admin; append-only."""

    id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(User, on_delete=models.PROTECT, related_name="looked", db_index=False)
    person = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="looked_at_by",
        help_text="Whose data; empty for a list of many.",
    )
    subject = models.CharField(max_length=60, help_text="The table that was looked at.")
    page = models.CharField(max_length=300, help_text="Its address in the admin.")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["staff", "-at"], name="access_record_of_staff"),
            models.Index(fields=["-at"], name="access_record_newest"),
        ]
        triggers = [pgtrigger.Protect(name="access_record_append_only", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.staff_id} at {self.page}"
