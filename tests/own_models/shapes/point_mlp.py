"""Pointwise: a small tower, trained on labels, without full_sort_predict."""

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.model.layers import MLPLayers
from recbole.utils import InputType
from torch import nn


class PointMLP(GeneralRecommender):
    input_type = InputType.POINTWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.LABEL = config["LABEL_FIELD"]
        size = config["embedding_size"]
        self.user_embedding = nn.Embedding(self.n_users, size)
        self.item_embedding = nn.Embedding(self.n_items, size)
        self.mlp = MLPLayers([2 * size, *config["mlp_hidden_size"]])
        self.out = nn.Linear(config["mlp_hidden_size"][-1], 1)
        self.loss = nn.BCEWithLogitsLoss()

    def forward(self, user, item):
        both = torch.cat([self.user_embedding(user), self.item_embedding(item)], dim=-1)
        return self.out(self.mlp(both)).squeeze(-1)

    def calculate_loss(self, interaction):
        scores = self.forward(interaction[self.USER_ID], interaction[self.ITEM_ID])
        return self.loss(scores, interaction[self.LABEL])

    def predict(self, interaction):
        return self.forward(interaction[self.USER_ID], interaction[self.ITEM_ID])
