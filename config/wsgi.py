"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

from config.processes import tie_to_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
tie_to_parent()

application = get_wsgi_application()
