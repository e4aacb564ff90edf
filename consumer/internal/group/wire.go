package group

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/heartbeat"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/leavegroup"
	"github.com/segmentio/kafka-go/protocol/syncgroup"
)

// coordinator speaks to the broker that coordinates the group. kafka-go's Client is not used: its Heartbeat reports no
// error and goes to any broker, and its Timeout cuts a JoinGroup that rightly waits for the others.
type coordinator struct {
	transport kafka.RoundTripper
	addr      net.Addr
	group     string
	clientID  string
}

// message sends any request of the group protocol to the group's coordinator, under our client ID.
type message struct {
	protocol.Message
	group    string
	clientID string
	version  int16
}

// Group makes the transport look up the coordinator and send the request there.
func (m *message) Group() string { return m.group }

// Prepare is told the version that was agreed with the broker.
func (m *message) Prepare(version int16) {
	m.version = version
	if inner, ok := m.Message.(protocol.PreparedMessage); ok {
		inner.Prepare(version)
	}
}

// Required and RawExchange make the transport hand over its connection for one request and its answer. The
// connection carries one request at a time, so any correlation ID will do.
func (m *message) Required(map[protocol.ApiKey]int16) bool { return true }

func (m *message) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if m.ApiKey() != protocol.Heartbeat {
		return protocol.RoundTrip(rw, m.version, 0, m.clientID, m.Message)
	}
	if err := protocol.WriteRequest(rw, m.version, 0, m.clientID, m.Message); err != nil {
		return nil, err
	}
	return readHeartbeat(rw, m.version)
}

// readHeartbeat reads the answer to a heartbeat, because kafka-go's own reading takes the throttle time for the error
// code: https://kafka.apache.org/protocol#The_Messages_Heartbeat.
func readHeartbeat(from io.Reader, version int16) (*heartbeat.Response, error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(from, size); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size)
	if n > 1<<10 { // 12 bytes, and tagged fields that nobody has defined
		return nil, fmt.Errorf("an answer of %d bytes: %w", n, errMalformed)
	}
	r := reader{rest: make([]byte, n)}
	if _, err := io.ReadFull(from, r.rest); err != nil {
		return nil, err
	}
	r.uint32() // the correlation ID
	if version >= 4 && r.byte() != 0 {
		return nil, fmt.Errorf("an answer with unknown fields in its header: %w", errMalformed)
	}
	answer := &heartbeat.Response{}
	if version >= 1 {
		answer.ThrottleTimeMs = int32(r.uint32())
	}
	answer.ErrorCode = int16(r.uint16())
	if r.failed {
		return nil, fmt.Errorf("an answer of %d bytes: %w", n, errMalformed)
	}
	return answer, nil
}

var (
	_ protocol.GroupMessage    = (*message)(nil)
	_ protocol.PreparedMessage = (*message)(nil)
	_ protocol.RawExchanger    = (*message)(nil)
)

// exchange sends a request and waits for its answer, for at most the given time.
func exchange[R protocol.Message](ctx context.Context, c coordinator, wait time.Duration, request protocol.Message) (R, error) {
	var none R
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	answer, err := c.transport.RoundTrip(ctx, c.addr, &message{Message: request, group: c.group, clientID: c.clientID})
	if err != nil {
		return none, fmt.Errorf("%s of consumer group %q: %w", request.ApiKey(), c.group, err)
	}
	r, ok := answer.(R)
	if !ok {
		return none, fmt.Errorf("%s of consumer group %q: answered with a %T", request.ApiKey(), c.group, answer)
	}
	return r, nil
}

func (c coordinator) join(ctx context.Context, wait time.Duration, r *joingroup.Request) (*joingroup.Response, error) {
	r.GroupID = c.group
	answer, err := exchange[*joingroup.Response](ctx, c, wait, r)
	if err != nil {
		return nil, err
	}
	// The answer goes with the error, because MEMBER_ID_REQUIRED brings the ID.
	return answer, c.refused(r, answer.ErrorCode)
}

func (c coordinator) sync(ctx context.Context, wait time.Duration, r *syncgroup.Request) ([]byte, error) {
	r.GroupID = c.group
	answer, err := exchange[*syncgroup.Response](ctx, c, wait, r)
	if err != nil {
		return nil, err
	}
	return answer.Assignments, c.refused(r, answer.ErrorCode)
}

func (c coordinator) heartbeat(ctx context.Context, wait time.Duration, g Generation) error {
	r := &heartbeat.Request{GroupID: c.group, GenerationID: int32(g.ID), MemberID: g.Member}
	answer, err := exchange[*heartbeat.Response](ctx, c, wait, r)
	if err != nil {
		return err
	}
	return c.refused(r, answer.ErrorCode)
}

func (c coordinator) leave(ctx context.Context, wait time.Duration, member string) error {
	r := &leavegroup.Request{GroupID: c.group, Members: []leavegroup.RequestMember{{MemberID: member}}}
	answer, err := exchange[*leavegroup.Response](ctx, c, wait, r)
	if err != nil {
		return err
	}
	code := answer.ErrorCode
	for _, m := range answer.Members {
		if code == 0 {
			code = m.ErrorCode
		}
	}
	return c.refused(r, code)
}

// refused is the error of an answer's code, nil for 0. What says that the member is none any more wraps ErrNotMember;
// what a user can mend says how.
func (c coordinator) refused(request protocol.Message, code int16) error {
	if code == 0 {
		return nil
	}
	cause := kafka.Error(code)
	mend := ""
	switch cause {
	case kafka.UnknownMemberId, kafka.IllegalGeneration, kafka.FencedInstanceID:
		return fmt.Errorf("%s of consumer group %q: %w: %w", request.ApiKey(), c.group, ErrNotMember, cause)
	case kafka.InconsistentGroupProtocol:
		mend = ": another program uses this group; give hotlead one of its own in kafka.group"
	case kafka.GroupAuthorizationFailed:
		mend = ": allow this user READ on the group"
	case kafka.InvalidSessionTimeout:
		mend = ": the session timeout must lie between the broker's group.min.session.timeout.ms and group.max.session.timeout.ms"
	case kafka.GroupMaxSizeReached:
		mend = ": raise the broker's group.max.size, or run fewer instances"
	case kafka.InvalidGroupId:
		mend = ": name the group in kafka.group"
	}
	return fmt.Errorf("%s of consumer group %q: %w%s", request.ApiKey(), c.group, cause, mend)
}

// rebalancing is whether the error says that a rebalance has begun, which is news and no failure.
func rebalancing(err error) bool { return errors.Is(err, kafka.RebalanceInProgress) }
