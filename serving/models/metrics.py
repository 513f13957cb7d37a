"""The metrics by which models are judged: their names, and which direction is better."""

from typing import Literal, NamedTuple

from serving.figures import PORTUGUESE, local

WITHIN = "within_"  # with a distance, as in within_0.5: the share predicted to within it


class Metric(NamedTuple):
    """A metric's title in English and in Portuguese, and which way is better."""

    title: str
    portuguese: str
    better: Literal["higher", "lower"] = "higher"

    def titled(self, language: str) -> str:
        """The title in a language."""
        return self.portuguese if language == PORTUGUESE else self.title


METRICS = {
    "accuracy": Metric("accuracy", "acurácia"),
    "balanced_accuracy": Metric("balanced accuracy", "acurácia balanceada"),
    "f1": Metric("F1", "F1"),
    "roc_auc": Metric("ROC AUC", "ROC AUC"),
    "pr_auc": Metric("PR AUC", "PR AUC"),
    "brier": Metric("Brier score", "escore de Brier", "lower"),
    "log_loss": Metric("log loss", "log loss", "lower"),
    "mae": Metric("mean absolute error", "erro absoluto médio", "lower"),
    "rmse": Metric("root mean squared error", "raiz do erro quadrático médio", "lower"),
    "r2": Metric("R²", "R²"),
    "mape": Metric("mean absolute percentage error", "erro percentual absoluto médio", "lower"),
}
TITLED = {each.title: each for each in METRICS.values()}


def metric(name: str) -> Metric:
    """A metric by its name in a manifest, or by its title, by which a card names its loss.

    >>> metric("roc_auc").title, metric("within_0.5").portuguese, metric("mae").better
    ('ROC AUC', 'proporção com erro de até 0,5', 'lower')
    """
    distance = name.removeprefix(WITHIN)
    if distance != name:
        return Metric(
            f"share within {distance}", f"proporção com erro de até {local(distance, PORTUGUESE)}"
        )
    plain = name.replace("_", " ")
    return METRICS.get(name) or TITLED.get(name) or Metric(plain, plain)
