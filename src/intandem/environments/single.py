"""A market for one agent that decides for both departments: a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from intandem.environments.encoding import action_sizes, encoding_of, observation_size
from intandem.environments.playing import key_of, play, start, told
from intandem.errors import InputError
from intandem.market import Market


def observation_space(market: Market) -> spaces.Box:
    """Any finite numbers: stocks and logits know no bound."""
    return spaces.Box(-np.inf, np.inf, (observation_size(market),), np.float32)


def action_space(size: int) -> spaces.Box:
    """Numbers from -1 to 1, as learners of other libraries like them."""
    return spaces.Box(-1.0, 1.0, (size,), np.float32)


class MarketEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One agent orders and recommends. The reward is the firm's profit of the period.

    **Arguments:** `periods`: after so many an episode is truncated (the market goes on).

    What is seen and said is explained with `intandem.environments.Encoding`. `info` holds, after each step, `order`,
    `demand`, `sales`, `lost` (units per product) and `profit`.

    ```python
    >>> from intandem.market import example_market
    >>> env = MarketEnv(example_market("two-products-capped"), periods=2)
    >>> seen, info = env.reset(seed=1)
    >>> seen, reward, terminated, truncated, info = env.step(env.action_space.sample())
    >>> seen.shape, terminated, truncated, info["profit"] == reward
    ((4,), False, False, True)

    ```
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, market: Market, periods: int = 200) -> None:
        if periods < 1:
            raise InputError("periods", f"is {periods}", "give 1 or more")
        self.market, self.periods = market, periods
        self.encoding = encoding_of(market)
        self.observation_space = observation_space(market)
        self.action_space = action_space(sum(action_sizes(market).values()))
        self.played = 0
        self.state, _ = start(market, self.encoding, None)
        self.key = jax.random.key(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """The market's initial state; the same seed draws the same visitors."""
        super().reset(seed=seed, options=options)
        self.key, self.played = key_of(self.np_random), 0
        self.state, seen = start(self.market, self.encoding, None)
        return np.asarray(seen), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Plays a period."""
        key = jax.random.fold_in(self.key, self.played)
        self.state, seen, reward, outcome = play(
            self.market, self.encoding, self.state, jnp.asarray(action, jnp.float32), key
        )
        self.played += 1
        info = {**told(outcome), "profit": float(reward)}
        return np.asarray(seen), float(reward), False, self.played >= self.periods, info
