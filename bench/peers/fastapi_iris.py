"""The peer of bench/api/run.ts: uvicorn fastapi_iris:app --workers 4 --port PORT"""

import numpy
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.datasets import load_iris
from sklearn.svm import SVC

iris = load_iris()
model = SVC(gamma="scale").fit(iris.data, iris.target)
app = FastAPI()


class Row(BaseModel):
    array: list[float]


@app.post("/prediction")
def predict(row: Row):
    return {"predictions": model.predict(numpy.array([row.array])).tolist()}
