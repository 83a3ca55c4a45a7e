"""Knowledge: users and items, and the entities that items are."""

import torch
from recbole.model.abstract_recommender import KnowledgeRecommender
from recbole.model.loss import BPRLoss
from recbole.utils import InputType
from torch import nn


class GraphOfItems(KnowledgeRecommender):
    input_type = InputType.PAIRWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        size = config["embedding_size"]
        self.user_embedding = nn.Embedding(self.n_users, size)
        self.entity_embedding = nn.Embedding(self.n_entities, size)
        self.relation_embedding = nn.Embedding(self.n_relations, size)
        self.loss = BPRLoss()

    def calculate_loss(self, interaction):
        user = self.user_embedding(interaction[self.USER_ID])
        pos = self.entity_embedding(interaction[self.ITEM_ID])
        neg = self.entity_embedding(interaction[self.NEG_ITEM_ID])
        start = self.entity_embedding(interaction[self.HEAD_ENTITY_ID])
        end = self.entity_embedding(interaction[self.TAIL_ENTITY_ID])
        other = self.entity_embedding(interaction[self.NEG_TAIL_ENTITY_ID])
        path = start + self.relation_embedding(interaction[self.RELATION_ID])
        graph = self.loss(-((path - end) ** 2).sum(1), -((path - other) ** 2).sum(1))
        return self.loss((user * pos).sum(1), (user * neg).sum(1)) + graph

    def predict(self, interaction):
        user = self.user_embedding(interaction[self.USER_ID])
        return (user * self.entity_embedding(interaction[self.ITEM_ID])).sum(1)

    def full_sort_predict(self, interaction):
        user = self.user_embedding(interaction[self.USER_ID])
        return torch.matmul(user, self.entity_embedding.weight[: self.n_items].T).view(-1)
