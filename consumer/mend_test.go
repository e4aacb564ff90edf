package consumer

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
)

// A server that cuts every connection gives an error a try, and each names another port of ours: it is said once.
func TestTheGistOfAnErrorKnowsNoPort(t *testing.T) {
	cut := func(port int) error {
		return fmt.Errorf("asking: %w", &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port},
			Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6379}, Err: errors.New("reset"),
		})
	}
	if cut(1111).Error() == cut(2222).Error() || gist(cut(1111)) != gist(cut(2222)) {
		t.Errorf("%q and %q", gist(cut(1111)), gist(cut(2222)))
	}
}

// Whoever has started nothing yet, or elsewhere, is told which key says where it is.
func TestAnAddressThatLeadsNowhereIsMended(t *testing.T) {
	for what, err := range map[string]error{
		"nothing listens": &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
		"no such name":    &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "kafak", IsNotFound: true}},
	} {
		err = fmt.Errorf("asking: %w", err)
		if text := KafkaMend(err).Error(); !strings.Contains(text, "HOTLEAD_KAFKA_BROKERS=") || strings.Contains(text, "redis") {
			t.Errorf("%s: %s", what, text)
		}
		if text := RedisMend(err).Error(); !strings.Contains(text, "HOTLEAD_REDIS_ADDRS=") || strings.Contains(text, "kafka.") {
			t.Errorf("%s: %s", what, text)
		}
	}
	if late := (&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}); !errors.Is(KafkaMend(late), error(late)) || KafkaMend(late).Error() != late.Error() {
		t.Errorf("a server that does not answer is not one that is not there: %v", KafkaMend(late))
	}
}
