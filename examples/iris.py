"""A notebook's last cell: fit a Pipeline, pickle it, and keep some rows as it takes them."""

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

iris = load_iris(as_frame=True)
species = iris.target.map(dict(enumerate(iris.target_names)))
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(iris.data, species)

joblib.dump(model, "iris.pkl")
iris.data.assign(species=species).to_csv("iris.csv", index=False)
