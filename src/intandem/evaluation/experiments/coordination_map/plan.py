"""Which cells the coordination map has, by scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

from intandem.evaluation.experiments.coordination_map.markets import BASE, Setting
from intandem.evaluation.experiments.experiment import Scale

Table = dict[tuple[float, float], Setting]


@dataclass(frozen=True)
class Plan:
    """The values of every factor, and how many markets are drawn.

    - `max_orders`: units per product and period. `lead_times`: periods; with each, the largest `max_order` that is
      solved in good time (`most_units`). `margin_spreads`, `fixed_costs`, `persistences`, `carry_overs`: see
      `Setting`; the last two are crossed at the base case's supply. `costly_orders`: `max_order` where orders have a
      fixed cost: large enough that the silos earn something.
    - `check`: whether some cells are solved with more exposure levels or intention points, to see what that changes.
    """

    draws: int
    max_orders: tuple[int, ...]
    lead_times: tuple[int, ...] = (0, 1)
    most_units: tuple[int, ...] = (99, 99)
    margin_spreads: tuple[float, ...] = (BASE.margin_spread,)
    fixed_costs: tuple[float, ...] = (0.0,)
    costly_orders: tuple[int, ...] = ()
    persistences: tuple[float, ...] = ()
    carry_overs: tuple[float, ...] = ()
    check: bool = False

    def lead_time_map(self) -> Table:
        """By tightness and lead time."""
        most = dict(zip(self.lead_times, self.most_units, strict=True))
        return {
            (one.tightness, float(lead)): one
            for lead in self.lead_times
            for one in self._along_supply(replace(BASE, lead_time=lead))
            if one.max_order <= most[lead]
        }

    def margin_map(self) -> Table:
        """By tightness and margin spread."""
        return {
            (one.tightness, spread): one
            for spread in self.margin_spreads
            for one in self._along_supply(replace(BASE, margin_spread=spread))
        }

    def fixed_cost_map(self) -> Table:
        """By tightness and fixed order cost."""
        return {
            (one.tightness, cost): one
            for cost in self.fixed_costs
            for one in _along(self.costly_orders, replace(BASE, fixed_cost=cost))
        }

    def memory_map(self) -> Table:
        """By persistence and carry-over; without one of them nothing is remembered, and the cell is the base case."""
        found: Table = {}
        for persistence in self.persistences:
            for carry_over in self.carry_overs:
                remembered = persistence > 0 and carry_over > 0
                moved = replace(BASE, persistence=persistence, carry_over=carry_over) if remembered else BASE
                found[(persistence, carry_over)] = moved
        return found

    def exposure_checks(self) -> list[tuple[Setting, Setting]]:
        """Cells, and the same with five levels of exposure."""
        chosen = [one for one in self._along_supply(BASE) if one.tightness < 1] if self.check else []
        return [(one, replace(one, levels=5)) for one in chosen]

    def intention_checks(self) -> list[tuple[Setting, Setting]]:
        """A cell with memory, and the same with nine points for intentions."""
        remembered = [one for one in self.memory_map().values() if one.share_later > 0] if self.check else []
        chosen = sorted(remembered, key=lambda one: (one.persistence, -one.carry_over))[-1:]
        return [(one, replace(one, intention_points=9)) for one in chosen]

    def cells(self) -> list[Setting]:
        """Every cell once, the quick ones of the base case first."""
        tables = (self.lead_time_map(), self.margin_map(), self.fixed_cost_map(), self.memory_map())
        wanted = [
            BASE,
            *(one for table in tables for one in table.values()),
            *(fine for _, fine in (*self.exposure_checks(), *self.intention_checks())),
        ]
        return list(dict.fromkeys(wanted))

    def _along_supply(self, setting: Setting) -> list[Setting]:
        return _along(self.max_orders, setting)


def _along(max_orders: tuple[int, ...], setting: Setting) -> list[Setting]:
    return [replace(setting, max_order=units) for units in max_orders]


PLANS: dict[Scale, Plan] = {
    "small": Plan(
        draws=8,
        max_orders=(1, 2, 3, 4, 5, 8),
        lead_times=(0, 1, 2),
        most_units=(8, 8, 5),
        margin_spreads=(0.0, 0.3, 0.6, 0.9),
        fixed_costs=(0.0, 0.5, 1.0, 1.5),
        costly_orders=(3, 4, 5, 8),
        persistences=(0.0, 0.5, 0.8),
        carry_overs=(0.0, 1.0, 2.0),
        check=True,
    ),
    "full": Plan(
        draws=30,
        max_orders=(1, 2, 3, 4, 5, 6, 8),
        lead_times=(0, 1, 2, 3),
        most_units=(8, 8, 6, 3),
        margin_spreads=(0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9),
        fixed_costs=(0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5),
        costly_orders=(3, 4, 5, 6, 8, 12),
        persistences=(0.0, 0.3, 0.6, 0.8),
        carry_overs=(0.0, 0.5, 1.0, 2.0),
        check=True,
    ),
}
