"""What beat does when."""

from typing import Any, Final

from celery.schedules import crontab

BEAT_SCHEDULE: Final[dict[str, Any]] = {
    "make-partitions": {
        "task": "redshop.events.tasks.make_partitions",
        "schedule": crontab(minute=7),
    },
    "forget-old-events": {
        "task": "redshop.events.tasks.forget",
        "schedule": crontab(minute=47),
    },
    "forget-in-the-lake": {
        "task": "redshop.events.tasks.forget_in_lake",
        "schedule": crontab(minute="*/5"),
    },
    "archive-closed-months": {
        "task": "redshop.events.tasks.archive",
        "schedule": crontab(hour=2, minute=17),
    },
    "roll-up": {
        "task": "redshop.conversion.tasks.roll_up",
        "schedule": 5.0,
        "options": {"expires": 5.0},  # where no worker was there, the next turn does it all
    },
    "learn-neighbours": {
        "task": "notes.tasks.learn_neighbours",
        "schedule": crontab(hour=4, minute=27),
    },
    "count-points-of-brands": {
        "task": "notes.tasks.count_points",
        "schedule": crontab(hour=0, minute=37),
    },
    "mark-fake-likes": {
        "task": "notes.tasks.mark_fake_likes",
        "schedule": crontab(minute="*/15"),
    },
    "count-trends": {
        "task": "notes.tasks.count_trends",
        "schedule": crontab(minute="*/10"),
    },
    "learn-ranking": {
        "task": "notes.tasks.learn_ranking",
        "schedule": crontab(hour=3, minute=27),
    },
    "share-exposure": {
        "task": "notes.tasks.share_exposure",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "prepare-pool": {
        "task": "notes.tasks.prepare_pool",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "count-large-creators": {
        "task": "notes.tasks.count_large_creators",
        "schedule": crontab(minute=17),
    },
    "encode-notes": {
        "task": "notes.tasks.encode_notes",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "fold-search-index": {
        "task": "notes.tasks.fold_search_index",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "take-snapshots-of-notes": {
        "task": "redshop.conversion.tasks.take_snapshots",
        "schedule": crontab(minute=57),
    },
    "report-removal-effects": {
        "task": "redshop.conversion.tasks.report_markov",
        "schedule": crontab(minute=27),
    },
    "forget-expired-idempotency-keys": {
        "task": "redshop.core.tasks.forget_expired_keys",
        "schedule": crontab(minute=17),
    },
    "forget-feed-snapshots": {
        "task": "notes.tasks.forget_snapshots",
        "schedule": crontab(minute=47),
    },
    "forget-ended-sessions": {
        "task": "redshop.accounts.tasks.forget_ended_sessions",
        "schedule": crontab(hour=3, minute=47),
    },
    "forget-addresses": {
        "task": "orders.tasks.forget_addresses",
        "schedule": crontab(minute=13),
    },
    "forget-exports": {
        "task": "redshop.accounts.tasks.forget_exports",
        "schedule": crontab(minute=23),
    },
    "pay-out": {
        "task": "orders.tasks.pay_out",
        "schedule": crontab(hour=4, minute=27),
    },
    "forget-done-facts": {
        "task": "redshop.core.tasks.forget_done_facts",
        "schedule": crontab(minute=37),
    },
    "write-drafts": {
        "task": "redshop.studio.tasks.write",
        "schedule": 3.0,
        "options": {"expires": 3.0},
    },
    "step-trials": {
        "task": "redshop.studio.tasks.step_trials",
        "schedule": crontab(minute="*/5"),
    },
    "compute-insight": {
        "task": "redshop.studio.tasks.compute_insight",
        "schedule": crontab(hour=5, minute=7),
    },
    "ring-for-simulators": {
        "task": "redshop.simulation.tasks.ring",
        "schedule": 3.0,
        "options": {"expires": 3.0},
    },
    "ask-payment-companies": {
        "task": "orders.tasks.ask_companies",
        "schedule": 3.0,
        "options": {"expires": 10.0},  # the next one asks the same
    },
}
