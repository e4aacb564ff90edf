// Package state keeps a lane's leads in Redis: the ledger, the leads, their timers and the tier indexes, written by
// one watched transaction a batch, so that a batch takes effect whole and once or not at all.
//
// A Store is the way to a Redis (or Redis Cluster); a Lane is one worker's hold on one lane, over a connection of its
// own. Everything that a Store reads by itself (LeadByID, Top, Counts) may be called at any time by anybody.
package state
