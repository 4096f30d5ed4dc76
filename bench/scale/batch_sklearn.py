"""The peer of batch.ts: the prediction of a whole file by one machine, in one process.

    python batch_sklearn.py TRAINING.npy ROWS.npy COUNT VECTORS

The machine learns from as many scaled rows as give it about so many vectors. It prints the seconds by
the clock and of the processor for reading the file and predicting its first COUNT rows, and how many
vectors it has.
"""

import json
import sys
import time

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def learned(path, vectors):
    table = np.load(path)
    rows = min(2 * vectors, len(table))
    while True:
        model = make_pipeline(StandardScaler(), SVC()).fit(table[:rows, :-1], table[:rows, -1])
        count = int(model[-1].n_support_.sum())
        if count >= vectors or rows == len(table):
            return model, count
        rows = min(rows + max(1, 2 * (vectors - count)), len(table))


training, path, most, vectors = sys.argv[1:]
model, count = learned(training, int(vectors))
start, cpu = time.perf_counter(), time.process_time()
predicted = model.predict(np.load(path)[: int(most)])
print(
    json.dumps(
        {
            "rows": len(predicted),
            "seconds": time.perf_counter() - start,
            "cpuSeconds": time.process_time() - cpu,
            "vectors": count,
        }
    )
)
