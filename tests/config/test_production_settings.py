"""Production settings refuse whatever is left at its default."""

import os
import subprocess
import sys

import pytest

from config.embedded import ROOT

GOOD = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "a-secret-of-fifty-characters-is-what-it-takes-0123456789",
    "ALLOWED_HOSTS": "shop.example",
    "DATABASE_URL": "postgresql://owner@db.example/shop",
    "REDIS_URL": "redis://valkey.example:6379/0",
}


def check(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **GOOD, **changes},
        check=False,
        capture_output=True,
        text=True,
    )


def test_what_is_set_as_it_should_be_passes_the_deployment_check() -> None:
    done = check("--deploy", "--fail-level", "WARNING")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY must be set to at least 50 random characters."),
        (
            {"SECRET_KEY": "insecure-development-key-never-used-in-production"},
            "SECRET_KEY must be set to at least 50 random characters.",
        ),
        ({"DEBUG": "on"}, "DEBUG must not be on in production."),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must name the hosts; a wildcard is refused."),
        (
            {"ALLOWED_HOSTS": "shop.example,*"},
            "ALLOWED_HOSTS must name the hosts; a wildcard is refused.",
        ),
        (
            {"DATABASE_URL": ""},
            "DATABASE_URL must be set: production has no embedded servers.",
        ),
        ({"REDIS_URL": ""}, "REDIS_URL must be set: production has no embedded servers."),
        (
            {"SANDBOX_URL": "http://127.0.0.1:8010"},
            "SANDBOX_URL must not be set: production takes real money.",
        ),
        ({"REDSHOP_THROTTLE": "off"}, "REDSHOP_THROTTLE=off is refused in production."),
    ],
)
def test_a_default_is_refused_in_one_line(changes: dict[str, str], sentence: str) -> None:
    done = check(**changes)

    assert done.returncode == 1
    assert done.stderr == f"redshop: {sentence}\n"
