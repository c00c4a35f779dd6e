from django.apps import AppConfig


class SimulationConfig(AppConfig):
    name = "redshop.simulation"
    label = "simulation"
    verbose_name = "Simulation"
