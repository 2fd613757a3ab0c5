"""Market files: a `Market` from a TOML file or a folder, and back. What a firm's own tables hold is `intandem.data`'s.

The keys are in `schema`. Whatever a file holds that they do not allow is one `InputError` that names the file, the
row, the key and the cure; a market that breaks them is not written either.
"""

from intandem.market.files.reading import example_market as example_market
from intandem.market.files.reading import example_names as example_names
from intandem.market.files.reading import load_market as load_market
from intandem.market.files.writing import market_hash as market_hash
from intandem.market.files.writing import save_market as save_market
