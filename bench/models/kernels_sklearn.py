"""The peer of svm.ts and logistic.ts: one data set, one model, one process.

    python kernels_sklearn.py digits FOLDER              writes FOLDER/{Xtr,ytr,Xte,yte}.npy
    python kernels_sklearn.py fit FOLDER svc rbf FITS    CPU milliseconds of the median fit, and more
    python kernels_sklearn.py fit FOLDER logistic TOL FITS    TOL may be "default"
    python kernels_sklearn.py tolerance FOLDER GAP       the TOL by which logistic comes so near the optimum
    python kernels_sklearn.py predict FOLDER VECTORS     rows a CPU second of a machine of that size
"""

import json
import statistics
import sys
import time

import numpy as np


def load(folder):
    return [np.load(f"{folder}/{name}.npy") for name in ("Xtr", "ytr", "Xte", "yte")]


def digits(folder):
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    parts = train_test_split(X, y.astype(float), test_size=0.25, random_state=0, stratify=y)
    for name, part in zip(("Xtr", "Xte", "ytr", "yte"), parts):
        np.save(f"{folder}/{name}.npy", part)


def dual_objective(model, X):
    """Of two classes: half the squared norm of the machine less the sum of its multipliers."""
    if len(model.classes_) > 2:
        return None
    V, beta = model.support_vectors_, model.dual_coef_[0]
    if model.kernel == "linear":
        return float(np.sum((beta @ V) ** 2) / 2 - np.abs(beta).sum())
    total, squares = 0.0, (V * V).sum(1)
    for start in range(0, len(V), 1000):
        part = slice(start, start + 1000)
        distances = squares[part, None] + squares - 2 * V[part] @ V.T
        total += beta[part] @ np.exp(-model._gamma * np.maximum(distances, 0)) @ beta
    return float(total / 2 - np.abs(beta).sum())


def log_objective(model, X, y):
    from sklearn.metrics import log_loss

    loss = log_loss(y, model.predict_proba(X), labels=model.classes_)
    return float(loss + (model.coef_**2).sum() / (2 * model.C * len(X)))


def logistic(tol):
    from sklearn.linear_model import LogisticRegression

    if tol == "default":
        return LogisticRegression()
    return LogisticRegression(tol=float(tol), max_iter=100_000)


def tolerance(folder, gap):
    """The default divided by 2 as often as it takes; the optimum is Newton's."""
    from sklearn.linear_model import LogisticRegression

    X, y, _, _ = load(folder)
    newton = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X, y)
    optimum = log_objective(newton, X, y)
    tol = 1e-4
    while log_objective(logistic(tol).fit(X, y), X, y) > optimum + gap:
        tol /= 2
    print(json.dumps({"tol": tol, "optimum": optimum}))


def fit(folder, kind, option, fits):
    """The option is the kernel of a machine, the tolerance of a regression."""
    from sklearn.svm import SVC

    X, y, Xe, ye = load(folder)
    times = []
    for _ in range(fits):
        start = time.process_time()
        model = (SVC(kernel=option) if kind == "svc" else logistic(option)).fit(X, y)
        times.append((time.process_time() - start) * 1e3)
    predicted = model.predict(Xe)
    print(
        json.dumps(
            {
                "cpu": statistics.median(times),
                "first": times[0],
                "accuracy": float((predicted == ye).mean()),
                "vectors": int(model.n_support_.sum()) if kind == "svc" else None,
                "objective": dual_objective(model, X) if kind == "svc" else log_objective(model, X, y),
                "predicted": predicted.tolist(),
            }
        )
    )


def predict(folder, vectors):
    """The machine is one that learned from as many rows as give it about so many vectors."""
    from sklearn.svm import SVC

    X, y, Xe, _ = load(folder)
    rows = 2 * vectors
    while True:
        model = SVC().fit(X[:rows], y[:rows])
        if model.n_support_.sum() >= vectors or rows >= len(X):
            break
        rows = int(rows * 1.3)
    times = []
    for _ in range(3):
        start = time.process_time()
        model.decision_function(Xe)
        times.append(time.process_time() - start)
    print(
        json.dumps(
            {
                "rows": len(Xe) / statistics.median(times),
                "trained": rows,
                "vectors": int(model.n_support_.sum()),
            }
        )
    )


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "digits":
        digits(folder)
    elif command == "tolerance":
        tolerance(folder, float(rest[0]))
    elif command == "fit":
        fit(folder, rest[0], rest[1], int(rest[2]))
    else:
        predict(folder, int(rest[0]))
