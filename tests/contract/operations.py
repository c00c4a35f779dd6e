"""Every operation that the OpenAPI document promises, ready to be called."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from drf_spectacular.generators import SchemaGenerator

METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    spec: Any

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def parameters(self, place: str) -> list[str]:
        """Return the names of the parameters in ``path``, ``query`` or ``header``."""
        return [p["name"] for p in self.spec.get("parameters", []) if p["in"] == place]

    def address(self, value: str | None = None) -> str:
        """Return the path with every placeholder replaced by the value, or by one of its type."""
        path = self.path
        for parameter in self.spec.get("parameters", []):
            is_uuid = parameter["schema"].get("format") == "uuid"
            placeholder = value or (str(UUID(int=1)) if is_uuid else "1")
            path = path.replace(f"{{{parameter['name']}}}", placeholder)
        return path

    def body_fields(self) -> list[str]:
        """Return the names of the JSON body's members."""
        schema = self.body_schema()
        return sorted(schema.get("properties", {}))

    def body_schema(self) -> Any:
        """Return the JSON body's schema, references resolved one level; empty where it has none."""
        content = self.spec.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    @property
    def takes_token(self) -> bool:
        """Tell whether it looks at the caller's token; what companies send bears a signature."""
        return any(self.spec.get("security", []))

    @property
    def takes_json(self) -> bool:
        return "application/json" in self.spec.get("requestBody", {}).get("content", {})


@cache
def document() -> Any:
    """Return the OpenAPI document that the project serves."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def operations() -> Iterator[Operation]:
    """Yield every operation under the API."""
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield Operation(method=method, path=path, spec=methods[method])
