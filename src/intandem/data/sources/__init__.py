"""What can be had here: public datasets, and logs of simulated firms. A firm's own files are `tables`."""

from intandem.data.sources.complete_journey import load_complete_journey as load_complete_journey
from intandem.data.sources.fetch import FetchResult as FetchResult
from intandem.data.sources.fetch import data_folder as data_folder
from intandem.data.sources.ta_feng import load_ta_feng as load_ta_feng
