package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/segmentio/kafka-go"
)

func TestWhatHeals(t *testing.T) {
	for _, c := range []struct {
		err   error
		heals bool
	}{
		{io.EOF, true},
		{io.ErrUnexpectedEOF, true},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		{&net.DNSError{Err: "no such host", Name: "kafka"}, true},
		{kafka.BrokerNotAvailable, true},
		{kafka.SASLAuthenticationFailed, false},
		{kafka.UnsupportedSASLMechanism, false},
		{&tls.CertificateVerificationError{Err: errors.New("unknown authority")}, false},
		{errors.New("what else"), false},
	} {
		err := fmt.Errorf("asking: %w", &brokenError{class: classOfBroken(fmt.Errorf("dialing: %w", c.err)), err: c.err})
		if Retriable(err) != c.heals {
			t.Errorf("%v: retriable %v, want %v", c.err, Retriable(err), c.heals)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v is not what it was", err)
		}
	}
}
