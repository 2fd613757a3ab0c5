"""How departments improve: MTMA and its rivals, the estimators they learn by, and bundles of what was trained."""

from intandem.learning.bundle import load_bundle as load_bundle
from intandem.learning.bundle import load_department as load_department
from intandem.learning.bundle import save_bundle as save_bundle
from intandem.learning.competition import train as train
from intandem.learning.mtma import Handed as Handed
from intandem.learning.mtma import Training as Training
from intandem.learning.settings import PRESETS as PRESETS
from intandem.learning.settings import ScoreSettings as ScoreSettings
from intandem.learning.settings import TrainSettings as TrainSettings
from intandem.learning.settings import Trust as Trust
from intandem.learning.timescales import METHODS as METHODS
from intandem.learning.timescales import Speed as Speed
from intandem.learning.timescales import Timescales as Timescales
