"""What schemathesis is told of the platform, and what of its findings is no failure, with the reasons.

Loaded by the configuration that `test-api.ts` writes. No check is switched off: a request that the
document allows may be refused only for what is named here, and every other refusal is a failure.
"""

import json
import os
import re

import schemathesis

KEPT_KEY = os.environ.get("MILLRACE_KEPT_KEY", "")
BODIES = json.loads(os.environ.get("MILLRACE_BODIES", "{}"))
NAMES = json.loads(os.environ.get("MILLRACE_NAMES", "{}"))

# A document says what a request looks like, not what is there when it comes.
DEPENDS_ON_WHAT_IS_THERE = {
    # A cursor that no page gave.
    "CursorInvalid",
    # An Idempotency-Key that came before, with another body.
    "IdempotencyKeyReused",
    # A model that was deleted by an earlier request.
    "ModelDeleted",
    # An If-Match that is not the alias's revision.
    "AliasChanged",
    # One that is not the revision of the drift policy.
    "PolicyChanged",
    # Rows of other columns than their dataset has.
    "RowsInvalid",
    # Rows of other features than the model has.
    "InstancesInvalid",
}

CONFIGURATION = {
    # An algorithm of another task, as k-means for a classification.
    "algorithms",
    # Each algorithm has its own.
    "hyperparameters",
    # A metric of another task, as R² for a clustering.
    "metric",
}

# Fields that a schema cannot say all of, by the operation that they belong to.
NOT_FOR_A_SCHEMA = {
    "PUT /models/{user}/{dataset}": CONFIGURATION,
    "POST /datasets/{user}/{dataset}/uploads": {f"configuration.{field}" for field in CONFIGURATION},
    # One of the columns; and no two columns of one name.
    "PUT /datasets/{user}/{dataset}": {"target", "columns"},
    # Values where the model's features have none.
    "POST /prediction": {"array"},
    "POST /models/{user}/{dataset}/predictions": {"instances"},
    # As many as the upload has.
    "POST /datasets/{user}/{dataset}/uploads/{uploadId}/parts": {"partNumbers"},
    "POST /datasets/{user}/{dataset}/uploads/{uploadId}/complete": {"parts"},
    "POST /models/{user}/{dataset}/inputs/{uploadId}/parts": {"partNumbers"},
    "POST /models/{user}/{dataset}/inputs/{uploadId}/complete": {"parts"},
    # So small that there would be too many.
    "POST /models/{user}/{dataset}/inputs": {"partSize"},
    # In place of a dataset, and not beside it.
    "POST /models/{user}/{dataset}/batches": {"file"},
    # As many rows as were predicted, and labels of the type that was.
    "POST /predictions/{id}/feedback": {"row", "label", "labels"},
    # Exactly one of two headers; and `previous`, which moves by itself.
    "PUT /models/{user}/{dataset}/aliases/{alias}": {"if-match", "alias"},
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Names what is there, so that the requests of the coverage phase reach it."""
    for path, operations in raw_schema["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query" and parameter["name"] in NAMES:
                    parameter["examples"] = {
                        str(i): {"value": value} for i, value in enumerate(NAMES[parameter["name"]])
                    }
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if f"{method.upper()} {path}" in BODIES:
                body["example"] = BODIES[f"{method.upper()} {path}"]
            properties = body.get("schema", {}).get("properties", {})
            if "userID" in properties:
                properties["userID"]["examples"] = NAMES["userID"]
    without_prefix_items(raw_schema)


def without_prefix_items(schema):
    """Schemathesis 4.32 makes of `prefixItems` the `items` of an older draft, and refuses that then."""
    if isinstance(schema, dict):
        prefix = schema.pop("prefixItems", None)
        if prefix is not None:
            schema.update(items={"anyOf": prefix}, minItems=len(prefix), maxItems=len(prefix))
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            without_prefix_items(one)


@schemathesis.hook
def filter_case(context, case):
    """What the rest of the run is about stays, and the key that it runs with."""
    if case.method == "DELETE":
        parameters = case.path_parameters or {}
        path = case.operation.path
        if path in ("/datasets/{user}/{dataset}", "/models/{user}/{dataset}"):
            return parameters.get("dataset") != "iris"
        if path == "/users/{user}":
            return parameters.get("user") != "ada"
        return parameters.get("keyId") != KEPT_KEY
    return True


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    name, fields = problem_of(response)
    if name in DEPENDS_ON_WHAT_IS_THERE:
        return False
    excused = NOT_FOR_A_SCHEMA.get(case.operation.label, set())
    return name != "RequestInvalid" or not fields or not fields <= excused


def problem_of(response):
    """The error's name, and the fields that it blames."""
    try:
        problem = json.loads(response.content)
    except ValueError:
        return None, set()
    if not isinstance(problem, dict):
        return None, set()
    # Of `instances.0.2` the field `instances`.
    fields = {re.sub(r"\.\d+(\..*)?$", "", error["field"]) for error in problem.get("errors", [])}
    return problem.get("type", "").removeprefix("urn:millrace:error:"), fields
