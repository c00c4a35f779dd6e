from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "redshop.events"
    label = "events"
    verbose_name = "Behaviour log"
