"""A market for two agents that decide at the same time: a PettingZoo parallel environment."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from pettingzoo import ParallelEnv

from intandem.environments.encoding import action_sizes, encoding_of
from intandem.environments.playing import key_of, play, start, told
from intandem.environments.single import action_space, observation_space
from intandem.errors import InputError
from intandem.market import Market


class MarketParallelEnv(ParallelEnv[str, np.ndarray, np.ndarray]):
    """`inventory` orders and `recommendation` shows; both see the state, neither the other's action, and both are
    rewarded with the firm's profit of the period.

    **Arguments:** `periods`: after so many an episode is truncated (the market goes on).

    ```python
    >>> from intandem.market import example_market
    >>> env = MarketParallelEnv(example_market("two-products-capped"), periods=2)
    >>> seen, _ = env.reset(seed=1)
    >>> seen, rewards, _, _, _ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    >>> sorted(seen), rewards["inventory"] == rewards["recommendation"]
    (['inventory', 'recommendation'], True)

    ```
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "intandem_market_v0", "render_modes": [], "is_parallelizable": True}

    def __init__(self, market: Market, periods: int = 200) -> None:
        if periods < 1:
            raise InputError("periods", f"is {periods}", "give 1 or more")
        self.market, self.periods = market, periods
        self.encoding = encoding_of(market)
        self.render_mode = None
        self.possible_agents = list(action_sizes(market))
        self.agents: list[str] = []
        self.observation_spaces = {agent: observation_space(market) for agent in self.possible_agents}
        self.action_spaces = {agent: action_space(size) for agent, size in action_sizes(market).items()}
        self.generator: np.random.Generator | None = None
        self.played = 0
        self.state, _ = start(market, self.encoding, None)
        self.key = jax.random.key(0)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The same object at every call, as the interface asks."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same object at every call, as the interface asks."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """The market's initial state; the same seed draws the same visitors."""
        del options
        if seed is not None or self.generator is None:
            self.generator, _ = seeding.np_random(seed)
        self.agents = list(self.possible_agents)
        self.key, self.played = key_of(self.generator), 0
        self.state, seen = start(self.market, self.encoding, None)
        return self._each(np.asarray(seen)), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, np.ndarray]) -> tuple[dict[str, Any], ...]:
        """Plays a period."""
        both = np.concatenate([np.asarray(actions[agent], np.float32) for agent in self.possible_agents])
        key = jax.random.fold_in(self.key, self.played)
        self.state, seen, reward, outcome = play(self.market, self.encoding, self.state, jnp.asarray(both), key)
        self.played += 1
        over = self.played >= self.periods
        answers = (
            self._each(np.asarray(seen)),
            self._each(float(reward)),
            self._each(False),
            self._each(over),
            {agent: told(outcome) for agent in self.agents},
        )
        if over:
            self.agents = []
        return answers

    def _each(self, value: Any) -> dict[str, Any]:
        return {agent: value.copy() if isinstance(value, np.ndarray) else value for agent in self.agents}
