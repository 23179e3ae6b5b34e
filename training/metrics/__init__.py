"""Figures by which maps are judged, each a function of arrays: similarity, curves, errors, lesions, agreement."""

from metrics.agreement import Agreement, agreement, auroc, wilcoxon_p
from metrics.curves import CurveSimilarity, curve_similarity
from metrics.errors import Errors, errors
from metrics.lesions import Lesion, lesion_border, lesions
from metrics.similarity import Similarity, similarity

__all__ = [
    "Agreement", "CurveSimilarity", "Errors", "Lesion", "Similarity", "agreement", "auroc", "curve_similarity",
    "errors", "lesion_border", "lesions", "similarity", "wilcoxon_p",
]  # fmt: skip
