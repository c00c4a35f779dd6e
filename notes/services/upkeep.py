"""What feeds and searches stand on, brought up to date: the index, charts, the exposure pool,
what notes are about."""

from datetime import datetime

from notes.services import charts, exposure, folding, vectors


def keep_up(*, at: datetime) -> None:
    """Do what beat does every few minutes, for worlds whose time is not the clock's."""
    folding.fold_all(at=at)
    charts.count(at=at)
    exposure.share(at=at)
    vectors.fit(at=at)
    encode_all()


def encode_all() -> int:
    """Encode every note that waits; return how many there were."""
    count, done = 0, vectors.BATCH
    while done == vectors.BATCH:
        done = vectors.fill()
        count += done
    return count
