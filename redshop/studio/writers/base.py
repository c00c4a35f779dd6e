"""What a writer is, and which there are."""

from typing import Final, Protocol

from django.conf import settings

from redshop.studio.errors import WriterUnknown
from redshop.studio.types import Assignment, Written

GRAMMAR: Final = "grammar"
OPENAI: Final = "openai"
IN_WORDS: Final = {
    GRAMMAR: "Offline grammar: sentence patterns, no model",
    OPENAI: "A language model behind an OpenAI-compatible server",
}


class WriterFailed(Exception):
    """A writer brought nothing that can be used; ``is_final`` says that trying again is no use."""

    def __init__(self, why: str, *, is_final: bool = False, tokens: tuple[int, int] = (0, 0)):
        super().__init__(why)
        self.why, self.is_final, self.tokens = why, is_final, tokens


class Writer(Protocol):
    """Proposes variants for an assignment. It may wait for the network: never in a transaction."""

    name: str

    def write(self, assignment: Assignment, *, prompt: str, seed: int) -> Written:
        """Return the variants, in the order of the segments.

        Raises:
            WriterFailed: it brought nothing that can be used.
        """


def available() -> list[str]:
    """Return the writers that are set up here, the usual one first."""
    names = [GRAMMAR, *([OPENAI] if settings.STUDIO["base_url"] else [])]
    return sorted(names, key=lambda name: name != settings.STUDIO["writer"])


def writer_of(name: str) -> Writer:
    """Return a writer by its name.

    Raises:
        WriterUnknown: there is none, or it is not set up.
    """
    if name not in available():
        raise WriterUnknown
    if name == GRAMMAR:
        from redshop.studio.writers.grammar import GrammarWriter

        return GrammarWriter()
    from redshop.studio.writers.openai_writer import OpenAiWriter  # loads only where it is used

    return OpenAiWriter()
