"""The page on which the owner of a card approves a charge, as a bank would show it."""

from html import escape
from typing import Final
from urllib.parse import urlsplit

from orders.sandbox.types import Charge, ChargeState

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox Bank</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; background: #f4f5f7; color: #1f2933; margin: 0;
         display: grid; place-items: center; min-height: 100vh; }}
  main {{ background: #fff; border-radius: 12px; padding: 32px; width: min(360px, 88vw);
         box-sizing: border-box; box-shadow: 0 8px 30px rgb(0 0 0 / 8%); }}
  h1 {{ font-size: 18px; margin: 0 0 4px; }}
  p {{ margin: 0 0 20px; color: #52606d; }}
  .amount {{ font-size: 32px; font-weight: 600; color: #1f2933; margin: 16px 0 4px; }}
  form {{ display: flex; gap: 12px; }}
  button {{ flex: 1; padding: 12px; border-radius: 8px; border: 1px solid #cbd2d9; font: inherit;
           background: #fff; cursor: pointer; }}
  button.yes {{ background: #0b6e4f; border-color: #0b6e4f; color: #fff; }}
  small {{ display: block; margin-top: 20px; color: #7b8794; }}
</style>
</head>
<body><main>
<h1>Sandbox Bank</h1>
{content}
<small>A sandbox for trying things out: no money moves.</small>
</main></body>
</html>
"""
_QUESTION: Final = """<p>A shop asks for your approval.</p>
<div class="amount">{amount}</div>
<p>Charge {charge}</p>
<form method="post">
<button class="yes" name="decision" value="approve">Approve</button>
<button name="decision" value="refuse">Refuse</button>
</form>"""
_ENDED: Final = """<div class="amount">{amount}</div>
<p>This charge is {state}. You can close this page.</p>"""
#: Digits after the point, where not two (ISO 4217).
_EXPONENTS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3, "TND": 3}


def page(charge: Charge) -> str:
    """Return the page of a charge: a question while it waits for its answer, else how it ended."""
    is_open = charge.state == ChargeState.REQUIRES_ACTION
    content = (_QUESTION if is_open else _ENDED).format(
        amount=escape(_amount(charge)),
        charge=escape(charge.id[:8]),
        state=charge.state.value,
    )
    return _PAGE.format(content=content)


def way_back(charge: Charge) -> str | None:
    """Return where the browser goes after the decision; only a web address is one."""
    is_web = urlsplit(charge.return_url).scheme in {"http", "https"}
    return charge.return_url if is_web else None


def _amount(charge: Charge) -> str:
    digits = _EXPONENTS.get(charge.currency, 2)
    major, minor = divmod(charge.amount_minor, 10**digits)
    fraction = f".{minor:0{digits}d}" if digits else ""
    return f"{major:,}{fraction} {charge.currency}"
