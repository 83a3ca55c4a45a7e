"""Autoencoder: a row of a user's items is encoded and decoded."""

import torch
from recbole.model.abstract_recommender import AutoEncoderMixin, GeneralRecommender
from recbole.utils import InputType
from torch import nn


class LineAE(GeneralRecommender, AutoEncoderMixin):
    input_type = InputType.PAIRWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.build_histroy_items(dataset)
        self.encoder = nn.Linear(self.n_items, config["latent"])
        self.decoder = nn.Linear(config["latent"], self.n_items)

    def forward(self, rows):
        return self.decoder(torch.tanh(self.encoder(nn.functional.normalize(rows))))

    def calculate_loss(self, interaction):
        rows = self.get_rating_matrix(interaction[self.USER_ID])
        return -(self.forward(rows).log_softmax(1) * rows).sum(1).mean()

    def predict(self, interaction):
        scores = self.forward(self.get_rating_matrix(interaction[self.USER_ID]))
        return scores[torch.arange(len(scores)), interaction[self.ITEM_ID]]

    def full_sort_predict(self, interaction):
        return self.forward(self.get_rating_matrix(interaction[self.USER_ID])).view(-1)
