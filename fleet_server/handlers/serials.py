"""The site's numbers as its settings offer them, and what is told of how many are left."""

from collections.abc import Iterator
from dataclasses import dataclass

from beltmark.contract.serials import NumberKind
from beltmark.web.wording import duration
from fleet_server.domain.serials import LOW_S, Pool, serial_pools, sscc_pools
from fleet_server.settings import FleetFile
from fleet_server.storage.serials import PoolLevel, SerialStore

KINDS: tuple[NumberKind, ...] = ("serial", "sscc")
NAMES: dict[NumberKind, str] = {"serial": "serials", "sscc": "SSCCs"}


@dataclass(frozen=True)
class Numbers:
    """The numbers of a site.

    Attributes:
        store: What was given.
        settings: What the site offers.
    """

    store: SerialStore
    settings: FleetFile

    def pools(self, kind: NumberKind) -> tuple[Pool, ...]:
        """The site's pools of a kind, in the order in which they are used, as if none was given."""
        section = self.settings.serials
        if kind == "serial":
            return serial_pools(section.prefix or default_prefix(self.settings.site.id))
        return sscc_pools(section.company_prefix, section.extension_digits)

    def levels(self) -> tuple[PoolLevel, ...]:
        """How much is left of each kind that the site has."""
        offered = ((kind, self.pools(kind)) for kind in KINDS)
        return tuple(self.store.level(kind, pools) for kind, pools in offered if pools)

    def problems(self) -> list[str]:
        """What is wrong, in words: numbers that run out soon."""
        return [told for level in self.levels() for told in _of_level(level)]


def default_prefix(site_id: str) -> str:
    """Serials of a site begin with it. U begins no serial of a station on its own."""
    return f"U{site_id[:2].upper()}"


def told_capacity(company_prefix: str, extension_digits: str) -> str:
    """Says how many SSCCs a company prefix holds."""
    pools = sscc_pools(company_prefix, extension_digits)
    each = pools[0].capacity
    return (
        f"company prefix {company_prefix} holds {each:,} SSCCs for each extension digit, "
        f"{10 * each:,} with all ten; this site uses {len(pools)}: {len(pools) * each:,}"
    )


def _of_level(level: PoolLevel) -> Iterator[str]:
    name = NAMES[level.kind]
    if level.left == 0:
        yield f"no {name} are left: stations go on with those they hold"
    elif (left_s := level.seconds_left) is not None and left_s < LOW_S:
        yield f"{name} run out in {duration(left_s)}: {level.left:,} are left"
