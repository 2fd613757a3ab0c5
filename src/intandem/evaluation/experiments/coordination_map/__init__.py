"""The map of coordination value: exact gains on small markets of many kinds, its claims, pictures and page."""

from intandem.evaluation.experiments.coordination_map.study import coordination_map as coordination_map
