"""People in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from redshop.accounts.models import (
    AccessRecord,
    AccessToken,
    Block,
    Consent,
    Erasure,
    Export,
    Follow,
    Notification,
    Preference,
    User,
)
from redshop.accounts.services import avatars, registration, second_factor, sessions
from redshop.core.admin import EditableAdmin, MomentRangeFilter, ReadOnlyAdmin
from redshop.core.errors import DomainError

admin.site.unregister(Group)
for _device in (TOTPDevice, StaticDevice):  # their pages would show the keys
    admin.site.unregister(_device)


PUBLIC = ("handle", "password", "display_name", "bio", "avatar", "portrait")
PRIVATE = ("email", "email_verified_at", "gender", "birth_year", "city", "locale")
ROLES = ("is_active", "is_analyst", "is_moderator", "is_staff", "is_superuser")
NEW = ("handle", "email", "display_name", "usable_password", "password1", "password2")


class NewUserForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("handle", "email")


class UserForm(UserChangeForm):
    def clean_avatar(self) -> Any:
        """Hold a face that comes in here to what holds for those of the API."""
        avatar = self.cleaned_data["avatar"]
        if not isinstance(avatar, UploadedFile):
            return avatar
        try:
            return avatars.prepared(avatar)
        except DomainError as error:
            raise ValidationError(error.detail, code=error.code) from error


class ConsentInline(TabularInline):
    model = Consent
    extra = 0
    fields = ["purpose", "is_granted", "changed_at"]
    readonly_fields = ["purpose", "is_granted", "changed_at"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PreferenceInline(TabularInline):
    model = Preference
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin, EditableAdmin):  # type: ignore[misc, type-arg]
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["face", "handle", "display_name", "city", "population", "joined_at", "is_staff"]
    list_display_links = ["handle"]
    list_filter = ["population", "is_analyst", "is_moderator", "is_staff", "is_active", "gender"]
    search_fields = ["handle__istartswith", "email__istartswith", "display_name__istartswith"]
    ordering = ["-joined_at"]
    actions = ["take_factor_away"]
    readonly_fields = ["joined_at", "last_login", "email_verified_at", "population", "portrait"]
    inlines = (PreferenceInline, ConsentInline)
    filter_horizontal = ["user_permissions"]
    fieldsets = (
        (None, {"fields": PUBLIC}),
        ("Private", {"fields": PRIVATE}),
        ("Roles", {"fields": ROLES}),
        ("Permissions in the admin", {"classes": ["collapse"], "fields": ["user_permissions"]}),
        ("History", {"fields": ["population", "joined_at", "last_login"]}),
    )
    add_fieldsets = ((None, {"fields": NEW}),)  # type: ignore[assignment]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            registration.welcome(obj, consents={}, at=timezone.now())

    @admin.action(description="Take their second factor away", permissions=["unlock"])
    def take_factor_away(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let people who lost their app and their codes set it up anew."""
        for user in queryset:
            second_factor.take_away(user)
        messages.success(request, f"{len(queryset)} people can set it up anew.")

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.display(description="")
    def face(self, user: User) -> str:
        return _picture(user, size=32)

    @admin.display(description="As shown")
    def portrait(self, user: User) -> str:
        return _picture(user, size=96)


def _picture(user: User, *, size: int) -> str:
    if user.avatar:
        return format_html(
            '<img src="{}" alt="" width="{}" height="{}" '
            'style="border-radius:50%;object-fit:cover;aspect-ratio:1">',
            user.avatar.url,
            size,
            size,
        )
    hue = (user.pk or 0) * 47 % 360
    return format_html(
        '<span aria-hidden="true" style="display:inline-flex;width:{0}px;height:{0}px;'
        "border-radius:50%;background:hsl({1} 60% 78%);color:#333;align-items:center;"
        'justify-content:center;font-size:{2}px">{3}</span>',
        size,
        hue,
        size // 2,
        (user.display_name or user.handle or "?")[:1].upper(),
    )


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    list_display = ["user", "device", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__handle__istartswith"]
    exclude = ["digest"]
    actions = ["log_out"]

    @admin.action(description="Log these devices out", permissions=["end"])
    def log_out(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = sessions.revoke(token_ids=ids, at=timezone.now())
        messages.success(request, f"{count} devices were logged out.")

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_accesstoken")


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    list_display = ["follower", "followed", "created_at"]
    list_select_related = ["follower", "followed"]
    search_fields = ["follower__handle__istartswith", "followed__handle__istartswith"]


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ["blocker", "blocked", "created_at"]
    list_select_related = ["blocker", "blocked"]
    search_fields = ["blocker__handle__istartswith", "blocked__handle__istartswith"]


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["recipient", "kind", "actor", "created_at", "read_at"]
    list_select_related = ["recipient", "actor"]
    list_filter = ["kind"]
    search_fields = ["recipient__handle__istartswith"]


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Who was erased, by the number that is left of them."""

    list_display = ["person_id", "asked_at", "erased_at", "rows"]
    list_filter = [("asked_at", MomentRangeFilter)]
    list_filter_submit = True
    ordering = ["-asked_at"]
    search_fields = ["=person__id"]
    search_help_text = "A person's number."
    exclude = ["person"]

    @admin.display(description="person")
    def person_id(self, erasure: Erasure) -> int:
        return erasure.person_id

    @admin.display(description="rows deleted or blanked")
    def rows(self, erasure: Erasure) -> int:
        return sum(erasure.touched.values())


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """Who asked for what is held about them; only they can fetch it."""

    list_display = ["person", "asked_at", "ready_at", "expires_at", "bytes"]
    list_select_related = ["person"]
    ordering = ["-asked_at"]
    search_fields = ["person__handle__istartswith"]
    exclude = ["file"]


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    """Who of the staff looked at whose data."""

    list_display = ["at", "staff", "subject", "person", "page"]
    list_select_related = ["staff", "person"]
    list_filter = [("at", MomentRangeFilter), "subject"]
    list_filter_submit = True
    ordering = ["-at"]
    search_fields = ["staff__handle__istartswith", "person__handle__istartswith"]
    search_help_text = "How the handle begins of who looked, or of whose data it was."
