from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    label = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from orders import checks, tasks  # noqa: F401 - tasks subscribes its consumers everywhere

        checks.register()
