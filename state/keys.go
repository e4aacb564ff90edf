package state

import "strconv"

// DefaultBuckets is over how many hashes a new lane's leads are spread. Fewer keys cost Redis less; a hash that grows
// past some ten thousand leads makes its rehashing felt.
const DefaultBuckets = 64

// laneKeys builds the names of one lane's keys. They share a hash tag, so a lane is one slot of a Redis Cluster and
// its transaction stays possible there.
//
//	{prefix.p}:ledger      hash   see Ledger
//	{prefix.p}:leads:<b>   hash   lead ID → encoded lead, for b from 0 to the ledger's buckets − 1
//	{prefix.p}:timers      zset   lead ID by due instant in milliseconds
//	{prefix.p}:tier:<name> zset   lead ID by rank, for every tier but the model's last
//	{prefix.p}:told        hash   lead ID → what had been announced of it when a refold began
type laneKeys struct {
	tag    string // "{prefix.p}:"
	ledger string
	timers string
	told   string
}

func keysOf(prefix string, p int) laneKeys {
	tag := "{" + prefix + "." + strconv.Itoa(p) + "}:"
	return laneKeys{tag: tag, ledger: tag + "ledger", timers: tag + "timers", told: tag + "told"}
}

func (k laneKeys) leads(bucket int) string { return k.tag + "leads:" + strconv.Itoa(bucket) }

func (k laneKeys) tier(name string) string { return k.tag + "tier:" + name }

// bucketOf is the bucket that a lead lives in: the 32-bit FNV-1a hash of its ID, modulo the lane's bucket count.
func bucketOf(id string, buckets int) int {
	h := uint32(2166136261)
	for i := 0; i < len(id); i++ {
		h ^= uint32(id[i])
		h *= 16777619
	}
	return int(h % uint32(buckets))
}
