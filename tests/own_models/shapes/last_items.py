"""Sequential: a GRU over a user's items, with the losses of RecBole's own sequential models."""

import torch
from recbole.model.abstract_recommender import SequentialRecommender
from recbole.model.loss import BPRLoss
from torch import nn


class LastItems(SequentialRecommender):
    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.loss_type = config["loss_type"]
        self.item_embedding = nn.Embedding(self.n_items, config["hidden"], padding_idx=0)
        self.gru = nn.GRU(config["hidden"], config["hidden"], batch_first=True)
        self.loss = BPRLoss() if self.loss_type == "BPR" else nn.CrossEntropyLoss()

    def forward(self, item_seq, item_seq_len):
        output, _ = self.gru(self.item_embedding(item_seq))
        return self.gather_indexes(output, item_seq_len - 1)

    def calculate_loss(self, interaction):
        state = self.forward(interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN])
        if self.loss_type == "BPR":
            pos = self.item_embedding(interaction[self.POS_ITEM_ID])
            neg = self.item_embedding(interaction[self.NEG_ITEM_ID])
            return self.loss((state * pos).sum(-1), (state * neg).sum(-1))
        scores = state @ self.item_embedding.weight.T
        return self.loss(scores, interaction[self.POS_ITEM_ID])

    def predict(self, interaction):
        state = self.forward(interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN])
        return torch.mul(state, self.item_embedding(interaction[self.ITEM_ID])).sum(dim=1)

    def full_sort_predict(self, interaction):
        state = self.forward(interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN])
        return state @ self.item_embedding.weight.T
