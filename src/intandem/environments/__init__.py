"""The market as other libraries know it: Gymnasium and PettingZoo environments. Who decides in them is not here.

Needs the extra `interop`. An episode is a stretch of a market that goes on: it is truncated and never terminated, so a
learner bootstraps from its last observation.
"""

from intandem.environments.encoding import Encoding as Encoding
from intandem.environments.encoding import encoding_of as encoding_of
from intandem.environments.parallel import MarketParallelEnv as MarketParallelEnv
from intandem.environments.single import MarketEnv as MarketEnv
from intandem.environments.vector import MarketVectorEnv as MarketVectorEnv
