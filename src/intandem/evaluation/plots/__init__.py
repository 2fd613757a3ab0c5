"""Pictures of results as Plotly figures, the same in Python, in notebooks and on the pages that commands write."""

from intandem.evaluation.plots.learning import plot_learning as plot_learning
from intandem.evaluation.plots.products import plot_products as plot_products
from intandem.evaluation.plots.profit import plot_profit as plot_profit
