"""A language model behind any server that speaks OpenAI's protocol, through the official client."""

import json
import time
from collections.abc import Iterable
from typing import Any, Final

import openai
from django.conf import settings

from redshop.studio.types import Assignment, Variant, Written
from redshop.studio.writers.base import OPENAI, WriterFailed
from redshop.studio.writers.prompts import SYSTEM

#: More of an answer is not read.
MOST_CHARACTERS: Final = 40_000
#: What will not go otherwise by trying again.
_FINAL: Final = (
    openai.AuthenticationError,
    openai.PermissionDeniedError,
    openai.NotFoundError,
    openai.BadRequestError,
    openai.UnprocessableEntityError,
)


class OpenAiWriter:
    """Asks for all variants in one streamed answer, within the time and the tokens allowed."""

    name = OPENAI

    def write(self, assignment: Assignment, *, prompt: str, seed: int) -> Written:
        """Return what the model proposes.

        Raises:
            WriterFailed: the server could not be reached or refused, the answer took too long,
                was cut, refused or cannot be read.
        """
        told = settings.STUDIO
        with openai.OpenAI(
            base_url=told["base_url"],
            api_key=told["api_key"] or "none",
            timeout=told["timeout_seconds"],
            max_retries=told["retries"],
        ) as client:
            answer = _Answer(until=time.monotonic() + told["timeout_seconds"])
            try:
                with client.chat.completions.create(
                    model=told["model"],
                    messages=[
                        {"role": "system", "content": SYSTEM},
                        {"role": "user", "content": prompt},
                    ],
                    max_tokens=told["answer_tokens"],
                    seed=seed,
                    stream=True,
                    stream_options={"include_usage": True},
                ) as chunks:
                    answer.read(chunks)
            except _FINAL as error:
                raise WriterFailed(_said(error), is_final=True) from error
            except openai.OpenAIError as error:
                raise WriterFailed(_said(error), tokens=answer.tokens) from error
            except (OSError, ValueError) as error:  # a stream that breaks off, or is no JSON
                raise WriterFailed(f"The answer broke off: {error}"[:300]) from error
        return answer.written(assignment)


class _Answer:
    """A streamed answer as it comes in."""

    def __init__(self, *, until: float) -> None:
        self.until = until
        self.parts: list[str] = []
        self.size = 0
        self.ended = ""
        self.model = ""
        self.refusal = ""
        self.tokens = (0, 0)

    def read(self, chunks: Iterable[Any]) -> None:
        for chunk in chunks:
            if time.monotonic() > self.until:
                raise WriterFailed("The answer took too long.")
            self.model = chunk.model or self.model
            if chunk.usage is not None:
                self.tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            for choice in chunk.choices:
                self.refusal += getattr(choice.delta, "refusal", None) or ""
                self.ended = choice.finish_reason or self.ended
                self._keep(choice.delta.content or "")

    def _keep(self, part: str) -> None:
        self.parts.append(part)
        self.size += len(part)
        if self.size > MOST_CHARACTERS:
            raise WriterFailed("The answer is too long.")

    def written(self, assignment: Assignment) -> Written:
        """Return what the answer says.

        Raises:
            WriterFailed: the model refused, or the answer is cut or cannot be read.
        """
        if self.refusal or self.ended == "content_filter":
            why = f"The model refused: {self.refusal or 'its filter'}"[:300]
            raise WriterFailed(why, is_final=True, tokens=self.tokens)
        if self.ended != "stop":
            raise WriterFailed("The answer was cut.", tokens=self.tokens)
        raw = "".join(self.parts)
        variants = _variants(raw, assignment)
        if not variants:
            raise WriterFailed("The answer holds no variant.", tokens=self.tokens)
        return Written(variants, self.model or settings.STUDIO["model"], *self.tokens, raw=raw)


def _variants(raw: str, assignment: Assignment) -> tuple[Variant, ...]:
    """Return the variants in an answer, whatever stands around them; those that are none are
    left out, and so are more than were asked for."""
    begin, end = raw.find("{"), raw.rfind("}")
    try:
        told = json.loads(raw[begin : end + 1])
    except (ValueError, RecursionError):
        return ()
    listed = told.get("variants") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        return ()
    found = [variant for each in listed if (variant := _variant(each, assignment))]
    return tuple(found[: assignment.wanted])


def _variant(each: Any, assignment: Assignment) -> Variant | None:
    if not isinstance(each, dict):
        return None
    title, body, segment = (each.get(name) for name in ("title", "body", "segment"))
    if not (isinstance(title, str) and isinstance(body, str)):
        return None
    title, body = _clean(title, most=100), _clean(body, most=5_000)
    if not title or not body:
        return None
    return Variant(
        segment if segment in assignment.segments else assignment.segments[0], title, body
    )


def _clean(text: str, *, most: int) -> str:
    return text.replace("\0", "").encode("utf-8", "ignore").decode().strip()[:most]


def _said(error: openai.OpenAIError) -> str:
    status = getattr(error, "status_code", None)
    told = f"{type(error).__name__}{f' {status}' if status else ''}"
    return f"The server could not write: {told}"
