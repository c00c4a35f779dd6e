"""What a search costs over many notes, through HTTP; and what indexing them does.

    python benchmarks/search.py [--notes 1000000] [--times 200]

Fills a system of its own with notes of made-up words as common as words are (Zipf), half of them
Chinese, indexes all of them, and searches for frequent, middling, rare, mistyped and several words;
then as many again are published as ten thousand people would, and folded. The loss of quality is
how many of the ten best by every posting are among the ten best as served.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil

from benchmarks import vectors
from benchmarks.questions import FIRST, clone
from benchmarks.system import System, system

AUTHORS, NEW = 1_000, 10_000
VOCABULARY, CHARACTERS = 60_000, 2_500
TITLE, BODY = 6, 40
SYLLABLES = [c + v for c in "bcdfglmnprstvz" for v in "aeiou"] + ["an", "er", "in", "or", "st"]


class Words:
    """Made-up words, Latin and Chinese, drawn as often as their rank says (Zipf, exponent 1)."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - no secret
        latin: dict[str, None] = {}
        while len(latin) < VOCABULARY:
            latin["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4)))] = None
        self.latin = list(latin)
        self.chinese = [
            "".join(chr(0x4E00 + min(int(chance.paretovariate(0.6)), CHARACTERS)) for _ in range(2))
            for _ in range(VOCABULARY)
        ]
        weights = 1.0 / np.arange(1, VOCABULARY + 1)
        self.chances = weights / weights.sum()
        self.draw = np.random.default_rng(seed)

    def texts(self, count: int) -> Iterator[tuple[str, str]]:
        """Yield titles and bodies; every other one is Chinese."""
        for start in range(0, count, 10_000):
            size = min(10_000, count - start)
            ranks = self.draw.choice(VOCABULARY, size=(size, TITLE + BODY), p=self.chances)
            for n, row in enumerate(ranks.tolist()):
                words, space = (self.latin, " ") if n % 2 else (self.chinese, "")
                drawn = [words[rank] for rank in row]
                yield space.join(drawn[:TITLE]), space.join(drawn[TITLE:])


@dataclass(frozen=True, slots=True)
class Took:
    """How long the searches of a kind took, in milliseconds."""

    name: str
    milliseconds: Sequence[float]

    def row(self) -> str:
        p50, p95 = np.percentile(self.milliseconds, [50, 95])
        return f"{self.name:<28}{p50:>8.1f}{p95:>8.1f}"


def fill(words: Words, *, notes: int, first: int) -> None:
    """Write notes by COPY, of made-up authors."""
    from django.db import connection, transaction

    from notes.factories import NoteFactory

    one = NoteFactory.create(population="simulated")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        if first == FIRST:
            clone(
                cursor,
                "accounts_user",
                one.author_id,
                f"generate_series({FIRST}, {FIRST + AUTHORS}) AS n",
                id="n",
                handle="'bench' || n",
                email="'bench' || n || '@example.com'",
                population="'simulated'",
            )
        cursor.execute("CREATE TEMPORARY TABLE texts (n bigint, t text, b text) ON COMMIT DROP")
        with cursor.copy("COPY texts FROM STDIN") as copy:
            for n, (title, body) in enumerate(words.texts(notes), first):
                copy.write_row((n, title, body))
        clone(
            cursor,
            "notes_note",
            one.pk,
            "texts",
            id="n",
            title="t",
            body="b",
            author_id=f"{FIRST} + n % {AUTHORS}",
            type="(ARRAY['image', 'image', 'video', 'text'])[1 + n % 4]",
            published_at="now() - random() * interval '60 days'",
        )
        cursor.execute(
            "INSERT INTO notes_notecounts (note_id, likes, saves, comments, shares, follows)"
            " SELECT n, (1 / (random() + 0.001))::int, 0, 0, 0, 0 FROM texts"
        )


def said(name: str, work: Callable[[], Any]) -> None:
    begin = time.perf_counter()
    work()
    print(f"  {name}: {time.perf_counter() - begin:,.1f} s", flush=True)


def prepare(*, notes: int) -> None:
    """Fill the database and index it; then publish ten thousand more, and fold them."""
    from django.db import connection, transaction
    from django.utils import timezone

    from notes.services import folding, indexing

    words = Words(seed=7)
    new = range(FIRST + notes, FIRST + notes + NEW)

    def publish() -> None:
        for start in range(0, NEW, 100):
            with transaction.atomic():
                indexing.reindex(note_ids=new[start : start + 100])

    said(f"{notes:,} notes written", lambda: fill(words, notes=notes, first=FIRST))
    said("all indexed", lambda: folding.rebuild(at=timezone.now()))
    fill(words, notes=NEW, first=FIRST + notes)
    said(f"{NEW:,} more indexed", publish)
    said("and folded", lambda: folding.fold(at=timezone.now()))
    said("vectors", lambda: encode(notes + NEW))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT pg_size_pretty(pg_total_relation_size('notes_postingblock'))")
        print(f"  blocks take {cursor.fetchone()[0]}")
    print(f"  of the ten best, {kept(words):.1%} are among the ten best as served")


def encode(notes: int) -> None:
    """Fit the encoder to a sample, for queries, and give every note any vector."""
    from django.utils import timezone

    from notes.services import vectors as kept_vectors

    encoder = kept_vectors.fit(at=timezone.now())
    rng = np.random.default_rng(3)

    def parts() -> Iterator[vectors.Rows]:
        for start in range(0, notes, 10_000):
            ids = np.arange(FIRST + start, FIRST + min(start + 10_000, notes))
            yield ids, vectors.of_length_one(rng.normal(size=(len(ids), 128)))

    vectors.write(parts(), encoder_id=encoder.pk if encoder else None, is_indexed=False)


def kept(words: Words) -> float:
    """Return how much of the ten best by every posting is found by as many as are looked at."""
    from notes.discovery.policies import SEARCH
    from notes.discovery.search import postings
    from notes.discovery.search.lookup import look_up
    from notes.discovery.search.text import terms, tokenise

    shares = []
    for query in queries(words)["frequent, six words"][:100]:
        found = look_up("note", terms(tokenise(query))).postings
        whole = postings.scored(found, most=10**9)
        some = postings.scored(found, most=SEARCH.postings)
        best, ours = (postings.best(scores, limit=10) for scores in (whole, some))
        shares.append(len({*best.tolist()} & {*ours.tolist()}) / len(best))
    return float(np.mean(shares))


def queries(words: Words) -> dict[str, list[str]]:
    """Return searches of each kind, drawn the same way each time."""
    chance = random.Random(11)  # noqa: S311 - no secret

    def drawn(low: int, high: int, many: int) -> list[str]:
        return [
            " ".join(each[chance.randint(low, high)] for _ in range(many))
            for each in [words.latin, words.chinese] * 100
        ]

    mistyped = [
        word[:1] + word[2:] for word in (words.latin[chance.randint(50, 5_000)] for _ in range(200))
    ]
    return {
        "frequent, one word": drawn(0, 30, 1),
        "frequent, three words": drawn(0, 30, 3),
        "frequent, six words": drawn(0, 100, 6),
        "middling, two words": drawn(300, 3_000, 2),
        "rare, two words": drawn(10_000, 50_000, 2),
        "mistyped": mistyped,
    }


def ask(living: System, *, times: int) -> list[Took]:
    """Search for each of the queries over one connection that stays open."""
    connection = HTTPConnection(living.host, timeout=600)

    def search(query: str, **rest: str) -> float:
        more = "".join(f"&{name}={value}" for name, value in rest.items())
        begin = time.perf_counter()
        connection.request("GET", f"/api/v1/search/notes?q={quote(query)}{more}")
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return (time.perf_counter() - begin) * 1e3

    found = []
    for name, asked in queries(Words(seed=7)).items():
        for query in asked[:20]:  # each process reads its words once
            search(query)
        found.append(Took(name, [search(query) for query in asked[:times]]))
    frequent = queries(Words(seed=7))["frequent, three words"][:times]
    found.append(Took("the same, newest first", [search(q, sort="newest") for q in frequent]))
    found.append(Took("the same, videos only", [search(q, type="video") for q in frequent]))
    return found


def measured(notes: int, *, times: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="redshop-bench-") as state,
        system(Path(state)) as living,
    ):
        os.environ.update(living.inside)
        child = os.fork()
        if not child:
            import django

            django.setup()
            prepare(notes=notes)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, "the system could not be filled"
        for took in ask(living, times=times):
            print(took.row(), flush=True)
        web = psutil.Process(living.said["pids"]["web"])
        held = [p.memory_info().rss / 1024**2 for p in (web, *web.children(recursive=True))]
        print(f"  web processes hold {', '.join(f'{mib:,.0f}' for mib in held)} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=200)
    given = parser.parse_args()
    for notes in (given.notes // 10, given.notes):
        print(f"{notes:,} notes{'p50':>20}{'p95':>8}")
        measured(notes, times=given.times)


if __name__ == "__main__":
    main()
