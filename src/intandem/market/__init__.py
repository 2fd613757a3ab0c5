"""The world: products, customers, stock and money. Nothing here knows who decides."""

from intandem.market.build import build_market as build_market
from intandem.market.decision_check import check_decision as check_decision
from intandem.market.demand import base_demand as base_demand
from intandem.market.demand import expected_demand as expected_demand
from intandem.market.families import FAMILIES as FAMILIES
from intandem.market.families import family_market as family_market
from intandem.market.files import example_market as example_market
from intandem.market.files import load_market as load_market
from intandem.market.files import market_hash as market_hash
from intandem.market.files import save_market as save_market
from intandem.market.model import Decision as Decision
from intandem.market.model import History as History
from intandem.market.model import Labels as Labels
from intandem.market.model import Ledger as Ledger
from intandem.market.model import Market as Market
from intandem.market.model import Outcome as Outcome
from intandem.market.model import SolveSettings as SolveSettings
from intandem.market.model import State as State
from intandem.market.model import Traits as Traits
from intandem.market.model import initial_state as initial_state
from intandem.market.named import MarketLike as MarketLike
from intandem.market.named import market_of as market_of
from intandem.market.named import nameless as nameless
from intandem.market.simulate import rollout as rollout
from intandem.market.simulate import step as step
