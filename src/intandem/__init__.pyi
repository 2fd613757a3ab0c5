from intandem.data.calibration import calibrate as calibrate
from intandem.data.tables import validate_folder as validate_folder
from intandem.departments import policy_of_rules as policy_of_rules
from intandem.evaluation.compare import compare as compare
from intandem.evaluation.simulation import simulate as simulate
from intandem.learning import train as train
from intandem.market import family_market as family_market
from intandem.market.files import example_market as example_market
from intandem.market.files import load_market as load_market
from intandem.market.files import save_market as save_market
from intandem.theory.bounds import bounds as bounds
from intandem.theory.intertemporal import solve as solve

__version__: str
