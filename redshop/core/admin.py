"""The outbox in the admin: what waits, what failed, what was set aside for a person."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from redshop.core import outbox
from redshop.core.models import Fact, IdempotencyKey


class ReadOnlyAdmin(ModelAdmin):
    """A table that is looked at here and changed only through actions."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


class StandingFilter(admin.SimpleListFilter):
    """Pending, done or set aside."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("pending", "Pending"), ("set_aside", "Set aside"), ("done", "Done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Fact]) -> QuerySet[Fact]:
        match self.value():
            case "pending":
                return queryset.filter(done_at=None, set_aside_at=None)
            case "set_aside":
                return queryset.filter(set_aside_at__isnull=False)
            case "done":
                return queryset.filter(done_at__isnull=False)
        return queryset


@admin.register(Fact)
class FactAdmin(ReadOnlyAdmin):
    list_display = ["kind", "key", "consumer", "due_at", "attempts", "done_at", "set_aside_at"]
    list_filter = [StandingFilter, "kind"]
    search_fields = ["key__startswith"]
    actions = ["try_again"]

    @admin.action(description="Try the facts that were set aside again", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Fact]) -> None:
        count = outbox.retry_set_aside(
            fact_ids=list(queryset.values_list("pk", flat=True)), at=timezone.now()
        )
        messages.success(request, f"{count} facts will be tried again.")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ["call", "key", "person_id", "status", "created_at"]
    search_fields = ["key__startswith"]
