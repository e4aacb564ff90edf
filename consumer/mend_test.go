package consumer

import (
	"errors"
	"fmt"
	"net"
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
