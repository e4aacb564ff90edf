package testbed

import (
	"encoding/binary"
	"errors"
)

// errForged keeps from the server what the proxy has answered in its stead.
var errForged = errors.New("answered by the proxy")

// forgedPartitions is what a Kafka answers to AddPartitionsToTxn if all is well, behind the header, as of version 3: no word
// of any partition, so no error.
var forgedPartitions = []byte{0, 0, 0, 0, 1, 0}

// ForgeEndTxn makes an abort of what a client asks Kafka to commit, where it matches: the client believes that its
// transaction is committed, and the coordinator has thrown it away. nil ends it.
func (p *Proxy) ForgeEndTxn(match func(request []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abort = match
}

// aborted makes an abort of a commit. Since version 3 of EndTxn the request ends with what is to become of the transaction,
// and tags, of which there are none.
func (l *link) aborted(request []byte) {
	l.proxy.mu.Lock()
	match := l.proxy.abort
	l.proxy.mu.Unlock()
	if match != nil && match(request) {
		request[len(request)-2] = 0
	}
}

// ForgeAddPartitionsToTxn answers Kafka's AddPartitionsToTxn, where it matches, as if all were well, and keeps it from the
// server: no marker will ever be written to these partitions. A broker takes what is written to them all the same where
// transaction.partition.verification.enable is false. nil ends it.
func (p *Proxy) ForgeAddPartitionsToTxn(match func(request []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forge = match
}

// forged answers a request that is not to reach the server.
func (l *link) forged(request []byte) (bool, error) {
	l.proxy.mu.Lock()
	match := l.proxy.forge
	l.proxy.mu.Unlock()
	if match == nil || len(request) < 12 || !match(request) {
		return false, nil
	}
	answer := binary.BigEndian.AppendUint32(nil, uint32(4+1+len(forgedPartitions)))
	answer = append(answer, request[8:12]...) // the correlation ID
	answer = append(answer, 0)                // no tags
	_, err := l.client.Write(append(answer, forgedPartitions...))
	return true, err
}
