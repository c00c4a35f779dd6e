"""People, their devices, whom they follow and block, what they consented to."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from redshop.core.populations import Population

HANDLE = RegexValidator(r"^[A-Za-z0-9_.]{3,30}\Z", "3 to 30 letters, digits, dots or underscores.")


class UserManager(BaseUserManager["User"]):
    """Makes users for Django's own commands; the API registers through the services."""

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
        return self.get(handle__iexact=username)


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
    def alive(self, *, at: datetime) -> Self:
        """Keep the tokens that open the door at this moment."""
        return self.filter(revoked_at=None, expires_at__gt=at, user__is_active=True)


class AccessToken(models.Model):
    """One device's key to the API; only its SHA-256 is kept."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    device = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[AccessTokenQuerySet] = AccessTokenQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="token_expires_after_creation"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.device or 'a device'}"


class Follow(models.Model):
    """A person who wants to see another's notes."""

    id = models.BigAutoField(primary_key=True)
    follower = models.ForeignKey(User, on_delete=models.CASCADE, related_name="following")
    followed = models.ForeignKey(User, on_delete=models.CASCADE, related_name="followers")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "followed"], name="follow_once"),
            models.CheckConstraint(
                condition=~Q(follower=F("followed")), name="follow_another_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followed_id}"


class Block(models.Model):
    """A person who wants nothing to do with another."""

    id = models.BigAutoField(primary_key=True)
    blocker = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocking")
    blocked = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocked_by")
    created_at = models.DateTimeField()

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
    is_personalised = models.BooleanField(default=True)
    topics = models.JSONField(default=dict, blank=True, help_text="Dial by topic slug.")

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class Notification(models.Model):
    """Something that a person is told about."""

    class Kind(models.TextChoices):
        LIKE = "like"
        COMMENT = "comment"
        FOLLOW = "follow"
        ORDER = "order"
        DECISION = "decision"

    id = models.BigAutoField(primary_key=True)
    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
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
        indexes = [models.Index(fields=["recipient", "-id"], name="notification_newest")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.recipient_id}"
