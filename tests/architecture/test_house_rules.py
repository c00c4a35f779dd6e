"""The rules of the house that no linter knows."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("config", "redshop", "notes", "orders")
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "managers.py", "signals.py"}
MOST_LINES_OF_A_FUNCTION = 50
MOST_LINES_OF_A_MODULE = 450


def modules() -> list[Path]:
    return sorted(
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
    )


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == name:
            yield node


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def test_every_row_lock_says_what_it_leaves_free() -> None:
    silent = [
        where(path, node)
        for path in modules()
        for node in calls(ast.parse(path.read_text()), "select_for_update")
        if not {"no_key", "skip_locked"} & {keyword.arg for keyword in node.keywords}
    ]

    assert silent == []


def test_only_tasks_ring_celery() -> None:
    ringing = [
        where(path, node)
        for path in modules()
        if path.name != "tasks.py"
        for name in ("delay", "apply_async", "send_task")
        for node in calls(ast.parse(path.read_text()), name)
    ]

    assert ringing == []


def test_no_room_is_a_lumber_room() -> None:
    assert [str(p.relative_to(ROOT)) for p in modules() if p.name in FORBIDDEN_NAMES] == []


def test_rooms_and_functions_stay_small_enough_to_live_in() -> None:
    too_long = []
    for path in modules():
        text = path.read_text()
        if text.count("\n") > MOST_LINES_OF_A_MODULE:
            too_long.append(str(path.relative_to(ROOT)))
        too_long += [
            where(path, node)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno > MOST_LINES_OF_A_FUNCTION
        ]

    assert too_long == []


def test_every_amount_and_every_stock_column_has_a_check() -> None:
    unchecked = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        if model.__module__.split(".")[0] in PACKAGES and model._meta.managed
        for field in model._meta.get_fields()
        if is_money_or_stock(field) and not is_checked(model, field)
    ]

    assert unchecked == []


def is_money_or_stock(field: object) -> bool:
    if not isinstance(field, models.Field) or not isinstance(field, models.IntegerField):
        return False
    return field.name.endswith("_minor") or field.name in {"on_hand", "reserved", "quantity"}


def is_checked(model: type[models.Model], field: object) -> bool:
    """Tell whether a CHECK bounds the column: one of ours, or the one of a positive field."""
    if isinstance(field, models.PositiveIntegerField | models.PositiveBigIntegerField):
        return True
    named = getattr(field, "name", "")
    return any(
        named in str(constraint.condition)
        for constraint in model._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    )


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--no-cache",
        "--config",
        str(ROOT / "pyproject.toml"),
    ]
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_imports_run_downwards_only() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("place", "violation"),
    [
        ("redshop/events/upstairs.py", "from redshop.accounts import models\n"),
        ("notes/sideways.py", "from orders import models\n"),
        ("orders/services/noisy.py", "import celery\n"),
    ],
)
def test_a_planted_import_upwards_breaks_the_contract(
    tmp_path: Path, place: str, violation: str
) -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text())
    (tmp_path / place).write_text(violation)

    result = lint_imports(tmp_path)

    assert result.returncode == 1
    assert "BROKEN" in result.stdout
