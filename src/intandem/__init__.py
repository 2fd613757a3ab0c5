"""intandem: inventory and recommendation, in tandem."""

__version__ = "0.1.0"
