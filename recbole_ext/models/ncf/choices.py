"""The words that settings of the NCF models take; here, so that settings are read without torch."""

from typing import Literal

Loss = Literal["BCE", "MSE", "RMSE", "BPR", "hinge", "softmax", "CE"]
Negatives = Literal["sampled", "in_batch", "all"]
Prediction = Literal["rated", "expectation"]

Activation = Literal["relu", "sigmoid", "tanh", "leakyrelu", "none"]
Norm = Literal["none", "batch", "layer"]
Initialisation = Literal["normal", "paper", "xavier", "kaiming"]
