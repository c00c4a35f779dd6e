"""Likes, saves, shares, hides, comments and follows."""

from typing import Any
from uuid import UUID

from notes.services import comments, reactions
from redshop.accounts.services import follows
from redshop.simulation.agenda import Deed
from redshop.simulation.content import write_comment
from redshop.simulation.life import Life
from redshop.simulation.population import language_of


def like(life: Life, deed: Deed) -> None:
    """Like a note; the next readers see that it is liked."""
    reactions.like(**_reaction(life, deed))
    life.library.likes[deed.details["note"]] += 1


def save(life: Life, deed: Deed) -> None:
    """Keep a note for later."""
    reactions.save(**_reaction(life, deed))


def share(life: Life, deed: Deed) -> None:
    """Pass a note on."""
    reactions.share(**_reaction(life, deed))


def hide(life: Life, deed: Deed) -> None:
    """Ask not to be shown a note again."""
    reactions.hide(**_reaction(life, deed))


def comment(life: Life, deed: Deed) -> None:
    """Say something under a note."""
    person = deed.details["person"]
    rng = life.draws(f"comment:{deed.details['note']}", at=deed.at, person=person)
    reaction = _reaction(life, deed)
    comments.comment(
        author_id=reaction.pop("person_id"),
        body=write_comment(language=language_of(life.people, person), rng=rng),
        **reaction,
    )


def follow(life: Life, deed: Deed) -> None:
    """Follow the author of a note."""
    reaction = _reaction(life, deed)
    author = life.library.cards[deed.details["note"]].author
    follows.follow(
        follower_id=reaction.pop("person_id"),
        followed_id=life.residents.account(author),
        **reaction,
    )
    life.following.setdefault(deed.details["person"], []).append(author)


def _reaction(life: Life, deed: Deed) -> dict[str, Any]:
    return {
        "note_id": life.library.cards[deed.details["note"]].id,
        "person_id": life.residents.person_ids[deed.details["person"]],
        "at": deed.at,
        "surface": deed.details["surface"],
        "request_id": UUID(deed.details["request"]),
    }
