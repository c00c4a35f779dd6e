"""What Celery keeps summed, as statements: who got how far, and the cells that add it up."""
