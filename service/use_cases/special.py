"""Special categories of data (GDPR Art. 9): products whose very offer tells something about health or faith.

Marketing sees them with the scope `offers:special` alone. Whether a category is special depends on the policy
and not on the person, so leaving it out tells nothing about anybody.
"""

from __future__ import annotations

from functools import lru_cache

from service.actor import Actor
from service.policy import Policy

SCOPE = "offers:special"
# Below this many a count of what was left out could point at the product.
SMALLEST_COUNT = 10


@lru_cache(maxsize=4096)
def is_special(policy: Policy, category: str | None) -> bool:
    """Whether the category, or one it lies in, requires a purpose with explicit consent."""
    if category is None:
        return False
    return any(
        policy.purposes[name].explicit
        for path in policy.prefixes(category)
        for name in policy.categories[path].requires
    )


def sees_special(actor: Actor) -> bool:
    """Everybody but marketing without the scope; a token of several roles is held to the narrowest."""
    return not actor.has("marketing") or SCOPE in actor.scopes


def shown_count(left_out: int) -> int:
    """How many were left out, or 0 where there are too few to say."""
    return left_out if left_out >= SMALLEST_COUNT else 0
