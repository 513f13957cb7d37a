"""What a user of openapi-python-client writes; it is given the service's URL and a record."""

import json
import sys

from generated import Client
from generated.api.default_model import predict
from generated.api.service import feedback
from generated.models import InvalidInput, WineFeedback, WineFeedbackActual, WineRecord

client = Client(sys.argv[1], raise_on_unexpected_status=True)
record = WineRecord.from_dict(json.loads(sys.argv[2]))
one = predict.sync(client=client, body=record)
many = predict.sync(client=client, body=[record, record])
sent = feedback.sync(client=client, body=WineFeedback(one.id, WineFeedbackActual.BOM))
record.alcohol = -1.0
refused = predict.sync(client=client, body=record)
assert isinstance(refused, InvalidInput)
print(
    json.dumps(
        {
            "one": one.prediction,
            "many": [each.prediction for each in many.predictions],
            "recorded": sent.recorded,
            "fault": refused.errors[0].field,
        }
    )
)
