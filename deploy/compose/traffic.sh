#!/bin/sh
# What two hundred invented leads do, ten events a second, for the profile traffic of docker-compose.yml. Each event is a
# line "lead|event"; Kafka's console producer sends it with the lead as its key, as a Java producer would.
set -eu
awk -v run="$(date +%s)" '
function send(lead, type, data) {
  printf("lead-%d|{\"specversion\":\"1.0\",\"id\":\"%d-%d\",\"source\":\"traffic\",\"type\":\"%s\",\"subject\":\"lead-%d\",\"data\":%s}\n",
    lead, run, ++sent, type, lead, data)
  fflush()
}
function any(of, n) { return of[1 + int(rand() * n)] }
BEGIN {
  srand(run)
  acts = split("page.viewed page.viewed page.viewed page.viewed email.opened email.opened email.clicked pricing.viewed " \
    "content.downloaded form.submitted webinar.attended demo.requested", act, " ")
  ranks = split("c-level vp director manager student", rank, " ")
  trades = split("software finance manufacturing farming", trade, " ")
  for (lead = 1; lead <= 200; lead++)
    send(lead, "lead.profiled", sprintf("{\"attributes\":{\"seniority\":\"%s\",\"industry\":\"%s\",\"employees\":%d}}",
      any(rank, ranks), any(trade, trades), 5 + int(rand() * 500)))
  # Some leads are keener than others: a product of two draws is more often low than high.
  while (system("sleep 0.1") == 0) send(1 + int(rand() * rand() * 200), any(act, acts), "{}")
}' | /opt/kafka/bin/kafka-console-producer.sh --bootstrap-server kafka:19092 --topic lead.engagement \
  --reader-property parse.key=true --reader-property 'key.separator=|'
