"""Reporting notes, decisions about one's own, and appeals, over HTTP."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notes import selectors
from notes.integrity import advising, cases, decisions
from notes.integrity.rules import rules
from notes.integrity.types import APPEAL_DAYS, APPEALABLE, Reason
from notes.models import Decision, Report
from notes.services import authoring
from redshop.accounts.api.people import me
from redshop.accounts.api.sessions import parsed
from redshop.core.api.serializers import StrictSerializer

TAG = ["moderation"]


class ReportingSerializer(StrictSerializer):
    """What is wrong with a note."""

    reason = serializers.ChoiceField(choices=Reason.choices)
    detail = serializers.CharField(max_length=1_000, required=False, allow_blank=True)


class ReportSerializer(serializers.ModelSerializer[Report]):
    class Meta:
        model = Report
        fields = ["id", "reason", "detail", "created_at"]
        read_only_fields = fields


class RuleSerializer(serializers.Serializer[Any]):
    """A rule, as it stood when it was applied."""

    key = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    says = serializers.CharField()


class AppealStandingSerializer(serializers.Serializer[Any]):
    created_at = serializers.DateTimeField()
    reason = serializers.CharField()
    outcome = serializers.CharField(
        allow_null=True, help_text="What the next person decided; null until then."
    )


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """A decision about a note of one's own, with its statement of reasons."""

    note_id = serializers.IntegerField()
    rule = serializers.SerializerMethodField()
    automated = serializers.SerializerMethodField(help_text="Whether a rule decided alone.")
    appealable_until = serializers.SerializerMethodField()
    appeal = serializers.SerializerMethodField()

    class Meta:
        model = Decision
        fields = [
            "id", "note_id", "action", "rule", "grounds", "automated", "decided_at",
            "appealable_until", "appeal",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(RuleSerializer(allow_null=True))
    def get_rule(self, decision: Decision) -> dict[str, Any] | None:
        if not decision.rule:
            return None
        says = {rule.key: rule.says for rule in rules()}
        return {
            "key": decision.rule,
            "version": decision.rule_version,
            "says": says.get(decision.rule, ""),
        }

    def get_automated(self, decision: Decision) -> bool:
        return decision.decided_by_id is None

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_appealable_until(self, decision: Decision) -> str | None:
        if decision.action not in APPEALABLE:
            return None
        until = decision.decided_at + APPEAL_DAYS
        return serializers.DateTimeField().to_representation(until)

    @extend_schema_field(AppealStandingSerializer(allow_null=True))
    def get_appeal(self, decision: Decision) -> dict[str, Any] | None:
        appeal = getattr(decision, "appeal", None)
        if appeal is None:
            return None
        outcome = appeal.outcome.action if appeal.outcome else None
        told = {"created_at": appeal.created_at, "reason": appeal.reason, "outcome": outcome}
        return dict(AppealStandingSerializer(told).data)


class AppealingSerializer(StrictSerializer):
    """Why a decision is wrong."""

    reason = serializers.CharField(max_length=1_000)


class FindingSerializer(serializers.Serializer[Any]):
    """A rule that a note breaks as it is, and how to mend it."""

    rule = serializers.CharField()
    version = serializers.IntegerField()
    outcome = serializers.ChoiceField(
        choices=["refuse", "review"], help_text="review: a person looks before it is published."
    )
    says = serializers.CharField()
    remedy = serializers.CharField()
    because = serializers.CharField(help_text="What of the note says so.")


class AdviceSerializer(serializers.Serializer[Any]):
    """How much a note looks like an advertisement that does not say so. Nothing follows from it."""

    score = serializers.IntegerField()
    reasons = serializers.ListField(child=serializers.CharField())


class CheckSerializer(serializers.Serializer[Any]):
    """What publishing would say of a note as it is."""

    findings = FindingSerializer(many=True)
    covert_advertising = AdviceSerializer()


class ReportsView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="report_note",
        tags=TAG,
        request=ReportingSerializer,
        responses={201: ReportSerializer},
    )
    def post(self, request: Request, note_id: int) -> Response:
        """Say what is wrong with a note; a person will look at it.

        409 ``already_reported`` where the caller did, and nobody has decided yet.
        """
        said = cases.report(
            note_id=note_id,
            reporter_id=me(request),
            at=timezone.now(),
            **parsed(ReportingSerializer, request),
        )
        return Response(ReportSerializer(said).data, status=status.HTTP_201_CREATED)


class CheckView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="check_note", tags=TAG, responses=CheckSerializer)
    def get(self, request: Request, note_id: int) -> Response:
        """Return the rules that one's own note breaks as it is, before it is published."""
        note = selectors.own_note(note_id=note_id, author_id=me(request))
        found = authoring.findings_of(note, at=timezone.now())
        told = {"findings": found, "covert_advertising": advising.of_note(note)}
        return Response(CheckSerializer(told).data)


@extend_schema_view(get=extend_schema(operation_id="list_decisions", tags=TAG))
class DecisionsView(ListAPIView[Decision]):
    """What was decided about the person's notes, newest first, with the reasons."""

    permission_classes = [IsAuthenticated]
    serializer_class = DecisionSerializer

    def get_queryset(self) -> QuerySet[Decision]:
        own = Decision.objects.filter(author=me(self.request))
        return own.select_related("appeal__outcome")


class AppealView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="appeal_decision",
        tags=TAG,
        request=AppealingSerializer,
        responses={201: DecisionSerializer},
    )
    def post(self, request: Request, decision_id: int) -> Response:
        """Say that a decision about one's own note is wrong; somebody else looks at it again."""
        reason = parsed(AppealingSerializer, request)["reason"]
        decisions.appeal(
            decision_id=decision_id, author_id=me(request), reason=reason, at=timezone.now()
        )
        row = Decision.objects.select_related("appeal__outcome").get(pk=decision_id)
        return Response(DecisionSerializer(row).data, status=status.HTTP_201_CREATED)
