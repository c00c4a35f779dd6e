"""Every model has a factory that makes a row the database takes."""

import importlib
from typing import Any, Final

import pytest
from django.apps import apps
from django.db import models
from factory.django import DjangoModelFactory

from tests.architecture.test_house_rules import PACKAGES

MODELS: Final = [model for model in apps.get_models() if model.__module__.split(".")[0] in PACKAGES]


def factory_of(model: type[models.Model]) -> Any:
    """Return the factory of a model, None where its app has none."""
    app = apps.get_app_config(model._meta.app_label)
    module = importlib.import_module(f"{app.name}.factories")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, DjangoModelFactory)
        and value._meta.model is model
    ]
    return found[0] if found else None


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_the_factory_of_a_model_makes_a_row(model: type[models.Model]) -> None:
    factory = factory_of(model)

    assert factory is not None, f"{model._meta.label} has no factory"
    row = factory.create()

    assert model._default_manager.filter(pk=row.pk).exists()
