"""What a user of openapi-generator's Python writes; it is given the service's URL and a record."""

import json
import sys

from openapi_client import (
    ApiClient,
    Configuration,
    DefaultModelApi,
    Feedback,
    FeedbackRequest,
    PredictRequest,
    ServiceApi,
    WineFeedback,
    WineRecord,
)
from openapi_client.exceptions import UnprocessableEntityException

with ApiClient(Configuration(host=sys.argv[1])) as client:
    api = DefaultModelApi(client)
    record = WineRecord.from_dict(json.loads(sys.argv[2]))
    one = api.predict(PredictRequest(record)).actual_instance
    many = api.predict(PredictRequest([record, record])).actual_instance
    actual = Feedback(WineFeedback(id=one.id, actual="bom"))
    sent = ServiceApi(client).feedback(FeedbackRequest(actual))
    try:
        api.predict(PredictRequest(record.model_copy(update={"alcohol": -1.0})))
    except UnprocessableEntityException as error:
        refused = error.data
print(
    json.dumps(
        {
            "one": one.prediction,
            "many": [each.prediction for each in many.predictions],
            "recorded": sent.recorded,
            "fault": refused.errors[0].var_field,
        }
    )
)
