"""Follows hotlead's tier changes and acts on each once: a program to begin your own with. It needs confluent-kafka.

    python3 tier_changes.py 127.0.0.1:9092 lead.tier-changes
"""

import json
import sys

from confluent_kafka import Consumer

consumer = Consumer({
    "bootstrap.servers": sys.argv[1],
    "group.id": "crm",
    "isolation.level": "read_committed",  # else changes that hotlead took back would be seen
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
})
consumer.subscribe([sys.argv[2]])
done = {}  # the newest sequence acted on, by lead: keep it where you keep what you do
while True:
    record = consumer.poll(1.0)
    if record is None:
        continue
    if record.error():
        raise SystemExit(record.error())
    change = json.loads(record.value())
    data = change["data"]
    if change["type"] == "lead.tier.changed" and data["sequence"] > done.get(data["lead"], 0):
        print(data["lead"], data["sequence"], data["from"], "->", data["to"], data.get("route", ""), flush=True)  # your work
        done[data["lead"]] = data["sequence"]
    consumer.commit(record, asynchronous=True)
