"""Many copies of a market in one compiled step: a Gymnasium vector environment over NumPy arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from intandem.environments.encoding import action_sizes, encoding_of
from intandem.environments.playing import key_of, play_copies, start
from intandem.environments.single import action_space, observation_space
from intandem.errors import InputError
from intandem.market import Market


class MarketVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """`num_envs` copies of `MarketEnv`, played together; a copy whose episode ends opens again in the same step.

    The observation that an episode ended with stands in `info["final_obs"]`, as `AutoresetMode.SAME_STEP` asks.

    **Arguments:** `periods`: of an episode. `stagger`: whether the copies' first episodes end at different times, so
    that learners do not meet all of them in one phase.

    ```python
    >>> from intandem.market import example_market
    >>> envs = MarketVectorEnv(example_market("two-products-capped"), num_envs=3, periods=4)
    >>> seen, _ = envs.reset(seed=1)
    >>> seen, rewards, _, truncated, _ = envs.step(envs.action_space.sample())
    >>> seen.shape, rewards.shape, truncated.tolist()
    ((3, 4), (3,), [False, False, False])

    ```
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, market: Market, num_envs: int, periods: int = 200, *, stagger: bool = False) -> None:
        for name, value in (("num_envs", num_envs), ("periods", periods)):
            if value < 1:
                raise InputError(name, f"is {value}", "give 1 or more")
        self.market, self.num_envs, self.periods = market, num_envs, periods
        self.encoding = encoding_of(market)
        self.single_observation_space = observation_space(market)
        self.single_action_space = action_space(sum(action_sizes(market).values()))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.first = np.arange(num_envs) * periods // num_envs if stagger else np.zeros(num_envs, int)
        self.played = self.first.copy()
        self.steps = 0
        self.state, _ = start(market, self.encoding, num_envs)
        self.key = jax.random.key(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Every copy in the market's initial state."""
        super().reset(seed=seed, options=options)
        self.key, self.steps = key_of(self.np_random), 0
        self.played = self.first.copy()
        self.state, seen = start(self.market, self.encoding, self.num_envs)
        return np.asarray(seen), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Plays a period of every copy."""
        self.played += 1
        over = self.played >= self.periods
        key = jax.random.fold_in(self.key, self.steps)
        self.state, seen, reward, first = play_copies(
            self.market, self.encoding, self.state, jnp.asarray(actions, jnp.float32), key, jnp.asarray(over)
        )
        self.steps += 1
        self.played[over] = 0
        last = np.array(seen)
        info: dict[str, Any] = {}
        if over.any():
            info = {"final_obs": last.copy(), "_final_obs": over.copy()}
            last[over] = np.asarray(first)
        return last, np.asarray(reward, np.float64), np.zeros(self.num_envs, bool), over, info
