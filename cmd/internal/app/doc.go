// Package app wires hotlead's service together: its configuration, the clients of Kafka and Redis, the worker, the HTTP
// server, and the order in which they start and stop. It decides nothing about leads.
package app
