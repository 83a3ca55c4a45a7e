"""The words that settings of AutoRec take; here, so that settings are read without torch."""

from typing import Literal

Loss = Literal["MSE", "CE"]
Corruption = Literal["none", "drop", "gaussian", "flip"]
Centring = Literal["none", "mean", "bias"]
ExposureLoss = Literal["multinomial", "logistic"]

Activation = Literal["identity", "sigmoid", "relu", "selu", "tanh"]
Initialisation = Literal["xavier", "kaiming", "normal"]
