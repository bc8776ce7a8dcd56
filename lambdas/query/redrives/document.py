"""POST and DELETE of redrives in the OpenAPI document. The function `redrive` answers them; a test
compares it with this."""

from typing import Any

from query.redrives.schemas import RedriveRequest

_ANSWER = {"application/json": {"schema": {"$ref": "#/components/schemas/Redrive"}}}


def add(document: dict[str, Any]) -> None:
    """Adds them to a document that has the GET routes."""
    document["components"]["schemas"]["RedriveRequest"] = RedriveRequest.model_json_schema()
    paths = document["paths"]
    paths["/v1/redrives"]["post"] = {
        "operationId": "post_redrive",
        "tags": ["redrives"],
        "summary": "Plan a redrive, or start a plan",
        "description": "With `dry_run` (the default) a plan is made: nothing is replicated. With"
        " `dry_run` false the plan `plan_id` is started; sent again, it starts nothing twice."
        " Planning and starting go on after the answer: ask for the redrive until it is planned,"
        " or has ended.",
        "requestBody": {
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/RedriveRequest"}}
            }
        },
        "responses": {
            "202": {"description": "Accepted; this is how far it is", "content": _ANSWER},
            "409": {"description": "The plan cannot be started, or its bucket has another job"},
        },
    }
    paths["/v1/redrives/{redrive_id}"]["delete"] = {
        "operationId": "delete_redrive",
        "tags": ["redrives"],
        "summary": "Cancel a redrive, or drop a plan",
        "description": "What was replicated stays. A job that was cancelled writes a report of what"
        " it did until then.",
        "parameters": paths["/v1/redrives/{redrive_id}"]["get"]["parameters"],
        "responses": {
            "202": {"description": "Accepted; this is how far it is", "content": _ANSWER},
            "409": {"description": "It has ended"},
        },
    }
