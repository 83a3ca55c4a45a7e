"""With item features: a context-aware model over all fields."""

from recbole.model.abstract_recommender import ContextRecommender
from recbole.model.layers import BaseFactorizationMachine
from torch import nn


class FeatureFM(ContextRecommender):
    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.fm = BaseFactorizationMachine(reduce_sum=True)
        self.sigmoid = nn.Sigmoid()
        self.loss = nn.BCEWithLogitsLoss()

    def forward(self, interaction):
        fields = self.concat_embed_input_fields(interaction)
        return (self.first_order_linear(interaction) + self.fm(fields)).squeeze(-1)

    def calculate_loss(self, interaction):
        return self.loss(self.forward(interaction), interaction[self.LABEL])

    def predict(self, interaction):
        return self.sigmoid(self.forward(interaction))
