"""MLflow: save the trees as its own flavour, answering with `predict_proba`. Run once, before `mlflow models serve`."""

import shutil
import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    source, folder = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    mlflow.sklearn.save_model(
        joblib.load(source), folder, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
    )
