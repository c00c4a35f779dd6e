from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    label = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from orders import tasks  # noqa: F401 - subscribes its consumers in every process
