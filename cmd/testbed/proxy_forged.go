package testbed

import (
	"encoding/binary"
	"errors"
)

// errForged keeps from the server what the proxy has answered in its stead.
var errForged = errors.New("answered by the proxy")

// What a Kafka answers to which all is well, behind the header: to EndTxn and to AddPartitionsToTxn, as of version 3.
var (
	forgedEnd        = []byte{0, 0, 0, 0, 0, 0, 0}
	forgedPartitions = []byte{0, 0, 0, 0, 1, 0} // no word of any partition, so no error
)

// ForgeEndTxn answers Kafka's EndTxn, where it matches, as if all were well, and keeps it from the server: the client
// believes that its transaction is committed, and the coordinator, that it is open. nil ends it.
func (p *Proxy) ForgeEndTxn(match func(request []byte) bool) { p.forgeAnswers(forgedEnd, match) }

// ForgeAddPartitionsToTxn does so to AddPartitionsToTxn: no marker will ever be written to these partitions. A broker
// takes what is written to them all the same where transaction.partition.verification.enable is false. nil ends it.
func (p *Proxy) ForgeAddPartitionsToTxn(match func(request []byte) bool) {
	p.forgeAnswers(forgedPartitions, match)
}

func (p *Proxy) forgeAnswers(answer []byte, match func(request []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgery, p.forge = answer, match
}

// forged answers a request that is not to reach the server.
func (l *link) forged(request []byte) (bool, error) {
	l.proxy.mu.Lock()
	body, match := l.proxy.forgery, l.proxy.forge
	l.proxy.mu.Unlock()
	if match == nil || len(request) < 12 || !match(request) {
		return false, nil
	}
	answer := binary.BigEndian.AppendUint32(nil, uint32(4+1+len(body)))
	answer = append(answer, request[8:12]...) // the correlation ID
	answer = append(answer, 0)                // no tags
	_, err := l.client.Write(append(answer, body...))
	return true, err
}
