"""Estimators: how the gradient of profit in every weight is found. What moves the weights is in `mtma`."""
