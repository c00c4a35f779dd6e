"""Whose behaviour a row records: people of the real world, or simulated ones."""

from django.db import models


class Population(models.TextChoices):
    """Who acted. A simulated row is never shown as measured."""

    REAL = "real", "Real"
    SIMULATED = "simulated", "Simulated"
